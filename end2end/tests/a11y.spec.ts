// axe on every page, in both themes, on a desk and on a phone; and no page wider than its window.
import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { DESKTOP, PHONE, PLACES, THEMES, visit } from '../support/pages.ts';
import { expect, test } from '../support/test.ts';

for (const place of PLACES) {
  test(`${place.name} has no accessibility fault`, async ({ page, owner, house }) => {
    const visitor: Page = place.open ? page : owner;
    for (const theme of THEMES) {
      for (const size of [DESKTOP, PHONE]) {
        await test.step(`${theme}, ${size.width}`, async () => {
          await visit(visitor, house.chela.url + place.path(house), theme, size);
          const { violations } = await new AxeBuilder({ page: visitor }).analyze();
          const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
          expect(found).toEqual([]);
          const overflow = await visitor.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          expect(overflow, 'the page scrolls sideways').toBeLessThanOrEqual(0);
        });
      }
    }
  });
}
