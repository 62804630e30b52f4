/** How long something lasts, in words. */

const STEPS: [number, 'day' | 'hour' | 'minute'][] = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
];

/** Such as “2 hours”: the largest whole unit since a UTC time, at least a minute. */
export function since(at: string, language: string, nowMs: number = Date.now()): string {
  const seconds = Math.max(60, (nowMs - Date.parse(at)) / 1000);
  const [size, unit] = STEPS.find(([size]) => seconds >= size) ?? [60, 'minute'];
  return Math.floor(seconds / size).toLocaleString(language, {
    style: 'unit',
    unit,
    unitDisplay: 'long',
  });
}
