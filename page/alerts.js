// Tells this person of posts by others, with a sound or a notification: a part, because few people choose that.

import { choices, roomTitle } from "./state.js";

/** @typedef {import("./state.js").Post} Post */
/** @typedef {"nothing" | "sound" | "notification"} Alert */

/** Between two sounds there is at least this long. */
const SOUND_REST_MS = 1_000;
/** Characters of a post in a notification. */
const EXCERPT_CHARACTERS = 200;

/** @type {{ audio: AudioContext | null, at: number }} */
const sound = { audio: null, at: -Infinity };

/** Somebody else has posted. @param {Post} post */
export function alertOf(post) {
  if (choices.alert === "sound") playSound();
  if (choices.alert === "notification" && document.hidden) notify(post);
}

/** Two short tones. A browser plays them only after the person has used the page. */
function playSound(now = performance.now()) {
  if (now - sound.at < SOUND_REST_MS) return;
  sound.at = now;
  sound.audio ??= new AudioContext();
  sound.audio.resume();
  playTone(sound.audio, 660, 0);
  playTone(sound.audio, 880, 0.09);
}

/**
 * @param {AudioContext} audio
 * @param {number} frequency  in Hz
 * @param {number} delay  in seconds
 */
function playTone(audio, frequency, delay) {
  const [tone, volume] = [audio.createOscillator(), audio.createGain()];
  const start = audio.currentTime + delay;
  tone.frequency.value = frequency;
  volume.gain.setValueAtTime(0.15, start);
  volume.gain.exponentialRampToValueAtTime(0.001, start + 0.15);
  tone.connect(volume).connect(audio.destination);
  tone.start(start);
  tone.stop(start + 0.15);
}

/** One for the room: a new one takes the place of the last. @param {Post} post */
function notify({ name, text }) {
  const options = { body: [...text].slice(0, EXCERPT_CHARACTERS).join(""), tag: `typewall ${roomTitle()}` };
  try {
    new Notification(`${name} · ${roomTitle()}`, options).onclick = () => window.focus();
  } catch {
    playSound(); // Android has the name, but only for service workers
  }
}

/**
 * What was chosen, as far as it is allowed: the sound is played, and the browser asks about notifications.
 *
 * @param {Alert} wanted
 * @returns {Promise<Alert>}
 */
export async function allowedAlert(wanted) {
  if (wanted === "sound") playSound();
  if (wanted !== "notification") return wanted;
  return (await Notification.requestPermission()) === "granted" ? wanted : "nothing";
}
