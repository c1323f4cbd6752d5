// Answers shared by several views: naming the person of a group or a track.

import { make, named, say } from "./dom.js";
import { pick } from "./picker.js";

/** Link to a person's clips. */
export function personLink(label, name) {
  return make("a", { href: `#/person/${label}` }, named(name));
}

/** Ask who the tracks show, and send the answer. Returns the server's reply; null if the dialog was cancelled. */
export async function nameTracks(memory, heading, spots, first = []) {
  const who = await pick({ heading, people: memory.state.people, first });
  if (!who || !spots.length) return null;
  const said = who.label === null
    ? await memory.answer("name", { spots, name: who.name })
    : await memory.answer("yes", { spots, label: who.label });
  if (!said) return null;
  const label = who.label ?? (said.changed ?? []).find((one) => memory.name(one) === who.name) ?? said.changed?.[0];
  say("Named ", personLink(label, who.name), `, in ${spots.length === 1 ? "one track" : `${spots.length} tracks`}.`);
  return said;
}

/** A spot in the server's format. */
export const spotOf = (item) => [item.clip, item.track];
