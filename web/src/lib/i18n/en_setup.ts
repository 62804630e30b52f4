/** The texts of the first-run wizard. */
export const enSetup = {
  'setup.title': 'Set up roastwatch',
  'setup.progress': 'Step {step} of {count}',
  'setup.back': 'Back',
  'setup.next': 'Next',
  'setup.skip': 'Skip this step',
  'setup.viewer': 'A viewer can’t set up roastwatch: sign in as operator.',
  'setup.try': 'Try the connection',
  'setup.trying': 'Trying …',

  'setup.microphone': 'Microphone',
  'setup.microphone_about':
    'Choose the microphone near the roaster, 20 to 50 cm from the beans and away from the air stream.',
  'setup.looking': 'Looking for microphones …',
  'setup.none': 'No microphone found. Plug one in and search again.',
  'setup.search': 'Search again',
  'setup.usual': 'default',
  'setup.in_network': 'network',
  'setup.demo': 'No microphone: a synthesised roast, to try everything',
  'setup.listen': 'Listen',
  'setup.listen_again': 'Listen again',
  'setup.opening': 'Opening the microphone …',
  'setup.clap': 'Now clap three times, about one second apart.',
  'setup.claps': '{count} of 3 claps heard',
  'setup.claps_heard': 'All three claps were heard: the microphone works.',
  'setup.claps_missed':
    'Only {count} of 3 claps were heard. Check that this is the microphone near you, and clap louder.',
  'setup.listened': 'Listening has ended.',

  'setup.home_assistant': 'Home Assistant',
  'setup.home_assistant_about': 'How do the values of your roasts get into Home Assistant?',
  'setup.way': 'Way',
  'setup.way.later': 'Not now',
  'setup.way.mqtt': 'MQTT broker',
  'setup.way.integration': 'Integration',
  'setup.later_about': 'You can connect it later in Settings → Service.',
  'setup.mqtt_about':
    'With the broker’s address, the devices appear in Home Assistant by themselves (MQTT discovery).',
  'setup.host': 'Address of the broker',
  'setup.port': 'Port',
  'setup.username': 'User name (if it has one)',
  'setup.password': 'Password',
  'setup.tls': 'Encrypted (TLS, usually port 8883)',
  'setup.host_missing': 'Write the address of the broker, or choose “Not now”.',
  'setup.port_wrong': 'The port is a number from 1 to 65535.',
  'setup.integration_about':
    'No broker is needed. The page is then open to your network, and people sign in with a password. At the start it is shown once in the terminal; without a terminal it is in a file beside the roast log.',
  'setup.integration_do':
    'After the start: install the integration roastwatch in Home Assistant, open Settings → Devices & services, and add it with the password or a pairing code.',

  'setup.phone': 'Phone',
  'setup.phone_about':
    'Get first crack as a message: install the app ntfy and subscribe to the topic below. Messages go through ntfy.sh on the internet; everybody who knows the topic reads them.',
  'setup.phone_use': 'Send messages to a phone',
  'setup.topic': 'Topic',
  'setup.topic_wrong': 'A topic has letters, digits, _ and - only.',
  'setup.phone_try': 'Send a test message',

  'setup.roaster': 'Roaster',
  'setup.roaster_about':
    'roastwatch detects first crack without a connection to the roaster. To read or control one, connect it later in Settings → Service. Nothing heats without your limits and your arming.',

  'setup.summary': 'Summary',
  'setup.summary_about': 'These settings are saved. You can change all of them later.',
  'setup.no_source': 'The default microphone (not tried)',
  'setup.not_chosen': 'Not now',
  'setup.save': 'Save and start',
  'setup.saving': 'Saving …',
  'setup.starting': 'Saved. roastwatch is starting …',
  'setup.slow':
    'It takes longer than usual. Look at the terminal or log of roastwatch, then load this page again.',
};
