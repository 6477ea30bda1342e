import { expect, test } from 'vitest';
import { MOST_ENDPOINTS as planned } from '../../plan/endpoints.ts';
import { MOST_ENDPOINTS } from './pick-classes.ts';

test('the plan gives a view no more endpoints than there are slots', () => {
  expect(planned).toBe(MOST_ENDPOINTS);
});
