/** What a person chose in the wizard, and the settings that it makes. */

import type { Node } from '../upkeep/schema';

export const STEPS = ['microphone', 'home_assistant', 'phone', 'roaster', 'summary'] as const;
export type Step = (typeof STEPS)[number];

const USUAL_PORT = 8099;
/** If the usual one is in use, one of this many following ones is taken. */
const MORE_PORTS = 100;

export type Way = 'later' | 'mqtt' | 'integration';

export interface Choices {
  /** As the settings file has it; null: the default microphone, later. */
  source: Node | null;
  way: Way;
  broker: { host: string; port: string; username: string; password: string; tls: boolean };
  /** The topic at ntfy; empty: no phone. */
  topic: string;
}

export function nothingChosen(): Choices {
  return {
    source: null,
    way: 'later',
    broker: { host: '', port: '1883', username: '', password: '', tls: false },
    topic: '',
  };
}

/** The sink of the broker, as the settings file has it. */
export function brokerSink({ broker }: Choices): Node {
  const { host, port, username, password, tls } = broker;
  return {
    type: 'mqtt',
    host: host.trim(),
    port: Number(port),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(tls ? { tls } : {}),
  };
}

/** The sink of a phone, as the settings file has it. */
export function phoneSink({ topic }: Choices): Node {
  return { type: 'phone', people: [{ urls: [`ntfys://ntfy.sh/${topic.trim()}`] }] };
}

/** Whether a topic can be an address at ntfy. */
export const isTopic = (topic: string) => /^[\w-]{1,64}$/.test(topic.trim());

/** The settings file that the choices make; the page stays at its port if it is one of ours. */
export function settingsOf(choices: Choices, language: string, port = USUAL_PORT): Node {
  const sinks: Node[] = [];
  if (choices.way === 'mqtt') sinks.push(brokerSink(choices));
  if (choices.way === 'integration') {
    const moved = port > USUAL_PORT && port <= USUAL_PORT + MORE_PORTS ? { port } : {};
    sinks.push({ type: 'rest', host: '0.0.0.0', ...moved, sign_in: true });
  }
  if (choices.topic.trim() !== '') sinks.push(phoneSink(choices));
  return {
    language,
    stations: [{ source: choices.source ?? { type: 'microphone' } }],
    ...(sinks.length === 0 ? {} : { sinks }),
  };
}

/** A topic that nobody guesses: anyone who knows it reads the messages. */
export function newTopic(random: () => number = Math.random): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const drawn = Array.from({ length: 10 }, () => letters[Math.floor(random() * letters.length)]);
  return `roast-${drawn.join('')}`;
}

/** What is missing for the broker, as a key of the texts; null: nothing, or it is not chosen. */
export function problemOfBroker({
  way,
  broker,
}: Choices): 'setup.host_missing' | 'setup.port_wrong' | null {
  if (way !== 'mqtt') return null;
  if (broker.host.trim() === '') return 'setup.host_missing';
  const port = Number(broker.port);
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? null : 'setup.port_wrong';
}
