import type { Bug } from '../parts.ts';

export const staleEtag: Bug = {
  name: 'stale-etag',
  family: 'headers',
  story: 'the entity tag is made from the id and the date of creation: a client that asks If-None-Match hears 304 for ever',
  plant: () => ({ etag: ({ id, createdAt }) => `"${id}.${createdAt.toString(36)}"` }),
};
