// Where a page shows what. Without a test runner, so that other tests may use it too.

// The box of somebody else, and what it shows.
export const boxOf = (page, name) => page.locator(".box").filter({ has: page.locator(`h3 button[aria-label=${JSON.stringify(`Enlarge ${name}`)}]`) });
export const textOf = (page, name) => boxOf(page, name).locator(".text");
export const mine = (page) => page.locator("#my-text");
export const posts = (page) => page.locator("#posts .post .body");
