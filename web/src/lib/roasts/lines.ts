/** The curves of a roast as a chart draws them. */

import type { ChartLine } from '../chart/recorded_chart';
import { t } from '../i18n/index.svelte';
import { curveNamed, rateOfRise } from './curves';
import type { Roast } from './types';

type Style = Omit<ChartLine, 'label' | 'line'>;

const STYLES: readonly [
  string,
  'curve.bean' | 'curve.air' | 'curve.heater' | 'curve.fan',
  Style,
][] = [
  ['bean_temp_c', 'curve.bean', { scale: 'temperature', color: '--bean', width: 3 }],
  ['environment_temp_c', 'curve.air', { scale: 'temperature', color: '--air', width: 1.5 }],
  ['heater_percent', 'curve.heater', { scale: 'percent', color: '--heater', width: 1.5 }],
  ['fan_percent', 'curve.fan', { scale: 'percent', color: '--fan', width: 1.5, dash: [4, 3] }],
];

export function linesOf(roast: Roast): ChartLine[] {
  const found: ChartLine[] = [];
  for (const [name, label, style] of STYLES) {
    const curve = curveNamed(roast, name);
    if (curve === undefined || curve.at_s.length === 0) continue;
    found.push({ ...style, label: t(label), line: { atS: curve.at_s, values: curve.values } });
  }
  const rate = rateOfRise(roast);
  if (rate.atS.length > 0) {
    const label = t('curve.rate');
    found.push({ label, scale: 'rate', color: '--rate', width: 2, line: rate });
  }
  return found;
}
