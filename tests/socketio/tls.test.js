// Stock clients over an encrypted connection, with a certificate that they are told to trust.

import { test } from "node:test";
import { makeCertificate } from "../browser/server.js";
import { mine } from "../browser/locators.js";
import { CLIENTS } from "./people.js";
import { openPlace, untilPosted, untilShown } from "./place.js";

for (const client of CLIENTS) {
  test(`${client.title}: people type and post over https`, async (t) => {
    const { options, certificate, remove } = makeCertificate();
    t.after(remove);
    const place = await openPlace(t, { options, ca: certificate });
    const page = await place.page("Paula");
    const person = place.person(client, { name: "Stock" });
    const plain = place.plain("Bo");
    await person.untilTold("existing_users");
    await plain.untilTold("existing_users");
    person.write("typed over TLS");
    await untilShown(page, "Stock", "typed over TLS");
    await plain.until((event, data) => event === "text_update" && data.text === "typed over TLS");
    await mine(page).fill("typed in the page");
    await person.until((event, data) => event === "text_update" && data.text === "typed in the page");
    person.post("posted over TLS");
    await untilPosted(page, "posted over TLS");
  });
}
