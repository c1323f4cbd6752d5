// Answers given in more than one view: who somebody is, in a group or in one track.

import { make, named, say } from "./dom.js";
import { pick } from "./picker.js";

/** Link to somebody's clips. */
export function personLink(label, name) {
  return make("a", { href: `#/person/${label}` }, named(name));
}

/** Ask who tracks show, and send the answer. Returns the server's reply; null if nobody was named. */
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

/** Rows of a spot, as the server takes it. */
export const spotOf = (item) => [item.clip, item.track];
