import { describe, expect, it } from 'vitest';
import {
  isTopic,
  newTopic,
  nothingChosen,
  problemOfBroker,
  settingsOf,
} from '../src/lib/setup/choices';

describe('the settings of the wizard', () => {
  it('listen to the default microphone if every step is skipped', () => {
    expect(settingsOf(nothingChosen(), 'en')).toEqual({
      language: 'en',
      stations: [{ source: { type: 'microphone' } }],
    });
  });

  it('hold what was chosen, and no empty options', () => {
    const choices = nothingChosen();
    choices.source = { type: 'microphone', device: 'USB' };
    choices.way = 'mqtt';
    choices.broker = { ...choices.broker, host: ' broker.lan ', port: '8883', tls: true };
    choices.topic = 'roast-abc';
    expect(settingsOf(choices, 'de')).toEqual({
      language: 'de',
      stations: [{ source: { type: 'microphone', device: 'USB' } }],
      sinks: [
        { type: 'mqtt', host: 'broker.lan', port: 8883, tls: true },
        { type: 'phone', people: [{ urls: ['ntfys://ntfy.sh/roast-abc'] }] },
      ],
    });
  });

  it('let the integration sign in from the network', () => {
    const choices = { ...nothingChosen(), way: 'integration' as const };
    expect(settingsOf(choices, 'en')['sinks']).toEqual([
      { type: 'rest', host: '0.0.0.0', sign_in: true },
    ]);
    expect(settingsOf(choices, 'en', 8101)['sinks']).toEqual([
      { type: 'rest', host: '0.0.0.0', port: 8101, sign_in: true },
    ]);
    for (const port of [0, 443, 8099]) {
      expect(settingsOf(choices, 'en', port)).toEqual(settingsOf(choices, 'en'));
    }
  });
});

describe('what is typed', () => {
  it('needs the address and a port of the broker, if it is chosen', () => {
    const choices = nothingChosen();
    expect(problemOfBroker(choices)).toBeNull();
    choices.way = 'mqtt';
    expect(problemOfBroker(choices)).toBe('setup.host_missing');
    choices.broker.host = 'broker.lan';
    expect(problemOfBroker(choices)).toBeNull();
    for (const port of ['0', '65536', '1e', '']) {
      choices.broker.port = port;
      expect(problemOfBroker(choices)).toBe('setup.port_wrong');
    }
  });

  it('is a topic of ntfy', () => {
    expect(isTopic(newTopic())).toBe(true);
    expect(isTopic('a/b')).toBe(false);
    expect(isTopic('')).toBe(false);
  });
});
