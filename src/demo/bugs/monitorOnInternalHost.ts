import type { Bug } from '../parts.ts';

export const monitorOnInternalHost: Bug = {
  name: 'monitor-on-internal-host',
  family: 'headers',
  story: 'addresses are made from the name that the server has behind its proxy: nobody outside can follow the monitor',
  plant: () => ({ linkTo: (path) => `http://reports-7f9c.internal:8080${path}` }),
};
