"use strict";
// A click on a time plays the clip from there. If the browser can't play it, the page shows a command for another player.
(() => {
  const player = document.getElementById("player");
  if (!player) return;
  const video = player.querySelector("video");
  const trouble = player.querySelector(".trouble");
  const command = player.querySelector("code");
  const said = player.querySelector("[role=status]");

  function times(place) {
    if (place.dataset.start) return [Number(place.dataset.start), Number(place.dataset.end)];
    return place.getAttribute("href").split("#t=")[1].split(",").map(Number);
  }

  function play(place) {
    const [start, end] = times(place);
    const item = place.closest("li");
    const file = item.querySelector(".file") ?? place.closest("article").querySelector("h3");
    const who = item.querySelector("a[href^='#label-']") ?? place.closest("article").querySelector("h3");
    document.getElementById("player-title").textContent = `${who.textContent.trim()} in ${file.textContent.trim()}, ${place.textContent.trim()}`;
    const length = Math.max(end - start, 0.1).toFixed(2);
    command.textContent = `ffplay -ss ${start} -t ${length} ${place.parentNode.dataset.path}`;
    said.textContent = "";
    const address = place.getAttribute("href");
    video.hidden = !address;
    trouble.hidden = Boolean(address);
    player.showModal();
    if (address) {
      video.src = address;
      video.play().catch(() => {}); // browsers may require a click on the video first
    }
  }

  video.addEventListener("error", () => {
    if (!video.getAttribute("src")) return;
    video.hidden = true;
    trouble.hidden = false;
  });
  player.addEventListener("close", () => {
    video.pause();
    video.removeAttribute("src");
    video.load();
  });
  player.addEventListener("click", async (event) => {
    const what = event.target.dataset.do;
    if (what === "close" || event.target === player) player.close();
    if (what !== "copy") return;
    try {
      await navigator.clipboard.writeText(command.textContent);
      said.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(command);
      said.textContent = "selected; copy it with Ctrl+C";
    }
  });
  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    let place = event.target.closest(".play");
    const bar = event.target.closest(".track > i");
    if (bar) place = bar.closest("li").querySelectorAll(".play")[[...bar.parentNode.children].indexOf(bar)];
    if (!place) return;
    event.preventDefault();
    play(place);
  });
})();
