/** Colors of compared roasts: as far apart as six can be, each with 3:1 on its background. */

const LIGHT = ['#9a5210', '#1c7485', '#7a3fa0', '#2b7340', '#b8322c', '#3a4f9c'] as const;
const DARK = ['#f2a553', '#63bfd0', '#c79bea', '#83cc93', '#ee6f66', '#8fb0e2'] as const;

export function seriesColor(index: number, dark: boolean): string {
  const colors = dark ? DARK : LIGHT;
  return colors[index % colors.length] ?? colors[0];
}
