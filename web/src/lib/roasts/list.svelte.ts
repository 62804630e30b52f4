/** The state of the list, kept while other pages are open. */

import { EVERYTHING, type Filters } from './listing';

class RoastList {
  filters = $state<Filters>({ ...EVERYTHING });
  page = $state(0);
  chosen = $state<string[]>([]);
}

export const roastList = new RoastList();
