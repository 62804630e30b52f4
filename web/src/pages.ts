/** The pages of the navigation. A new page is a component, a row here, and its texts. */

import type { Component } from 'svelte';
import type { Key } from './lib/i18n/index.svelte';
import Live from './pages/Live.svelte';

export interface Page {
  /** The first part of its route. */
  name: string;
  label: Key;
  /** Path of its icon, in a box of 24. */
  icon: string;
  /** Loaded when it is opened; those that are needed at once are not lazy. */
  load: () => Promise<{ default: Component }> | { default: Component };
  /** Whether the two actions under the thumb belong to it. */
  acts: boolean;
}

export const pages: readonly Page[] = [
  {
    name: 'live',
    label: 'nav.live',
    icon: 'M3 13h4l3-8 4 14 3-8h4',
    load: () => ({ default: Live }),
    acts: true,
  },
  {
    name: 'roasts',
    label: 'nav.roasts',
    icon: 'M4 5v15h16M7 16c2-8 4-9 6-7s4-1 6-4',
    load: () => import('./pages/Roasts.svelte'),
    acts: false,
  },
  {
    name: 'plans',
    label: 'nav.plans',
    icon: 'M9 6h11M9 12h11M9 18h11M4 6h1M4 12h1M4 18h1',
    load: () => import('./pages/Plans.svelte'),
    acts: false,
  },
  {
    name: 'settings',
    label: 'nav.settings',
    icon: 'M4 7h10m4 0h2M4 17h2m4 0h10M14 4v6M10 14v6',
    load: () => import('./pages/Settings.svelte'),
    acts: false,
  },
];
