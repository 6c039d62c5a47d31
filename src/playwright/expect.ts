import { expect as ownExpect, type Expect } from '@playwright/test';

/**
 * Playwright's own `expect`, with the matchers of Holdfast; `@playwright/test` exports another, which has them as well. Matchers of
 * yours that this one is extended with are on `eventually` and `consistently` too.
 */
export const expect: Expect = ownExpect.extend({});
