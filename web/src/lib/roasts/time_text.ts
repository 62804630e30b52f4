/** Times of a roast as a person types them. */

/** Seconds of `8:05`, `8:05.5`, `-0:20` or `485`; null if it is not a time. */
export function secondsOf(text: string): number | null {
  const plain = text.trim().replace('−', '-').replace(',', '.');
  const found = /^(-?)(?:(\d{1,4}):([0-5]?\d(?:\.\d+)?)|(\d{1,5}(?:\.\d+)?))$/.exec(plain);
  if (found === null) return null;
  const [, sign, minutes, rest, alone] = found;
  const whole = alone !== undefined ? Number(alone) : 60 * Number(minutes) + Number(rest);
  return sign === '-' ? -whole : whole;
}

/** Seconds as `8:05.4`, precise enough to be typed back. */
export function timeText(seconds: number): string {
  const tenths = Math.round(Math.abs(seconds) * 10);
  const minutes = Math.floor(tenths / 600);
  const rest = (tenths % 600) / 10;
  const whole = String(Math.floor(rest)).padStart(2, '0');
  const part = tenths % 10 === 0 ? '' : `.${tenths % 10}`;
  return `${seconds < 0 && tenths > 0 ? '-' : ''}${minutes}:${whole}${part}`;
}
