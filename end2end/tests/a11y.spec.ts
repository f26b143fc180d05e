// axe on every page, in both themes, on a desk and on a phone; and no page wider than its window.
import type { Page } from '@playwright/test';
import { DESKTOP, PHONE, PLACES, THEMES, faultless, visit } from '../support/pages.ts';
import { test } from '../support/test.ts';

for (const place of PLACES) {
  test(`${place.name} has no accessibility fault`, async ({ page, owner, house }) => {
    const visitor: Page = place.open ? page : owner;
    for (const theme of THEMES) {
      for (const size of [DESKTOP, PHONE]) {
        await test.step(`${theme}, ${size.width}`, async () => {
          await visit(visitor, house.chela.url + place.path(house), theme, size);
          await faultless(visitor);
        });
      }
    }
  });
}
