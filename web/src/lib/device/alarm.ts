/** Sound and vibration. Browsers allow them once a person has touched the page. */

type Tone = readonly [hertz: number, atS: number, forS: number];

const TONES: Record<'gentle' | 'needs_you' | 'danger', readonly Tone[]> = {
  gentle: [
    [660, 0, 0.12],
    [880, 0.14, 0.2],
  ],
  needs_you: [
    [880, 0, 0.16],
    [1175, 0.2, 0.16],
    [880, 0.5, 0.16],
    [1175, 0.7, 0.3],
  ],
  danger: [0, 0.35, 0.7, 1.05].flatMap((at): Tone[] => [
    [1568, at, 0.15],
    [988, at + 0.17, 0.15],
  ]),
};
const VIBRATIONS = { gentle: [120], needs_you: [200, 100, 200], danger: [400, 100, 400, 100, 400] };

let audio: AudioContext | null = null;
let touched = false;

/** Sound can be played from the first touch on. */
export function unlockSound(): () => void {
  const unlock = (): void => {
    touched = true;
    audio ??= new AudioContext();
    if (audio.state === 'suspended') void audio.resume();
  };
  window.addEventListener('pointerdown', unlock);
  window.addEventListener('keydown', unlock);
  return () => {
    window.removeEventListener('pointerdown', unlock);
    window.removeEventListener('keydown', unlock);
  };
}

export function alarm(kind: keyof typeof TONES, sound: boolean, vibration: boolean): void {
  if (vibration && touched && 'vibrate' in navigator) navigator.vibrate(VIBRATIONS[kind]);
  if (!sound || audio === null || audio.state !== 'running') return;
  for (const [hertz, atS, forS] of TONES[kind]) {
    const from = audio.currentTime + atS;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = hertz;
    tone.type = 'triangle';
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.4, from + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.001, from + forS);
    tone.connect(volume).connect(audio.destination);
    tone.start(from);
    tone.stop(from + forS);
  }
}
