import type { Bug } from '../parts.ts';

export const zoneIgnored: Bug = {
  name: 'zone-ignored',
  family: 'streams',
  story: 'moments are compared as texts, whatever their time zone: 10:00+02:00 is taken for 10:00 UTC',
  plant: ({ momentOf }) => ({ momentOf: (text) => momentOf(text.replace(/[+-]\d\d:\d\d$/, 'Z')) }),
};
