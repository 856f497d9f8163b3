// The invitation: links to the room that others can reach, as text and as a QR code.

import { decoded } from "./address.js";
import { copyText } from "./copy.js";
import { at } from "./dom.js";
import { fetched, textOf } from "./http.js";
import { asked, gate, roomTitle } from "./state.js";
import { showDialog } from "./views.js";
import { isolated, say } from "./words.js";

/** Names of this machine; they do not work for anybody else. */
const LOOPBACK = /^(localhost|127\.|\[::1\]$)/;

export async function invite() {
  at("invite-title").textContent = say("inviteTo", { room: isolated(roomTitle()) });
  at("copied").textContent = at("only-here").textContent = "";
  at("invite-link").hidden = true;
  at("pick-key").hidden = !gate.passphrase;
  at("with-key").checked = false;
  at("copy").onclick = copyLink;
  at("qr").onclick = at("qr-large").onclick = enlargeCode;
  at("addresses").onchange = at("with-key").onchange = showAddress;
  showDialog("invite");
  const links = await linksForOthers();
  at("only-here").textContent = whyNobody(links);
  if (!links?.length) return;
  at("invite-link").hidden = false;
  at("pick-address").hidden = links.length < 2;
  at("addresses").replaceChildren(...links.map((link) => new Option(new URL(link).host, link)));
  showAddress();
}

/** @param {string[] | null} links */
function whyNobody(links) {
  if (!links) return say("silent");
  return links.length ? "" : say("onlyHere", { port: location.port || "80" });
}

/**
 * Links that work for others; null if the server does not answer. An address that brought somebody here from another
 * machine, or through a proxy, is one of them; the server knows more.
 *
 * @returns {Promise<string[] | null>}
 */
async function linksForOthers() {
  const known = await linksOfServer();
  if (LOOPBACK.test(location.hostname)) return known;
  return [ownLink(), ...(known ?? []).filter((link) => new URL(link).host !== location.host)];
}

/** @returns {Promise<string[] | null>} */
async function linksOfServer() {
  const answer = await fetched("invite", { room: asked.room });
  return (await answer?.json().catch(() => null))?.links ?? null;
}

function ownLink() {
  const link = new URL(location.href);
  link.search = asked.room ? String(new URLSearchParams({ room: asked.room })) : "";
  link.hash = "";
  return link.href;
}

/**
 * Shows the chosen link and its code. The passphrase is in the fragment, which is never sent to a server.
 */
async function showAddress() {
  const key = at("with-key").checked ? `#key=${encodeURIComponent(gate.passphrase)}` : "";
  const link = at("addresses").value + key;
  const qr = at("qr");
  at("address").value = link;
  qr.hidden = true;
  const picture = await pictureOf(link);
  if (picture === null || at("address").value !== link) return;
  qr.alt = say("qr", { link });
  qr.src = picture;
  qr.hidden = false;
}

/**
 * The code of a link as a picture. Like the passphrase in it, the link is not part of the address that is requested.
 *
 * @param {string} link
 */
async function pictureOf(link) {
  const picture = await textOf(await fetched("qr.svg", {}, { "Typewall-Link": link }));
  return picture && `data:image/svg+xml,${encodeURIComponent(picture)}`;
}

/** The code beside the wall, for latecomers; none if nobody else reaches this server. */
export async function showCode() {
  const [link] = (await linksForOthers()) ?? [];
  const picture = link ? await pictureOf(link) : null;
  at("code").hidden = !picture;
  if (!picture) return;
  at("code-picture").src = picture;
  at("code-large").setAttribute("aria-label", say("qr", { link }));
  at("code-large").onclick = () => fillScreen(picture, link);
  at("code-link").textContent = inPrint(link);
}

/** The code of the invitation, as large as the screen. */
function enlargeCode() {
  if (!at("qr").hidden) fillScreen(at("qr").src, at("address").value);
}

/**
 * @param {string} picture
 * @param {string} link
 */
function fillScreen(picture, link) {
  const print = inPrint(link);
  at("poster-picture").src = picture;
  at("poster-picture").alt = say("qr", { link });
  at("poster-link").textContent = print;
  at("poster").style.setProperty("--length", String(print.length));
  showDialog("poster");
}

/**
 * A link as one would type it.
 *
 * @param {string} link
 */
function inPrint(link) {
  return decoded(link).replace(/^http:\/\//, "");
}

async function copyLink() {
  const address = at("address");
  at("copied").textContent = say(await copyText(address.value, () => address.select()));
}
