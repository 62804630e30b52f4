/** The station that is shown: of the route, else the one chosen last, else the first. */

import { live } from './live/live.svelte';
import type { Station } from './live/messages';
import { preferences } from './preferences.svelte';
import { router } from './router.svelte';

class Selection {
  readonly name = $derived.by(() => {
    const wished = [
      router.parts[0] === 'live' ? router.parts[1] : undefined,
      preferences.chosen.station,
    ];
    return (
      wished.find((name) => name !== undefined && name in live.stations) ?? live.names[0] ?? ''
    );
  });
  readonly station = $derived<Station | null>(live.stations[this.name] ?? null);

  constructor() {
    $effect.root(() => {
      $effect(() => {
        if (this.name !== '') preferences.chosen.station = this.name;
      });
    });
  }
}

export const selection = new Selection();
