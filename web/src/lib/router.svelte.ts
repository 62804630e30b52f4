/** Routes in the fragment of the address (`#/live/kitchen`), so that any path prefix works. */

function parts(): string[] {
  return location.hash
    .replace(/^#\/?/, '')
    .split('/')
    .map(decodePart)
    .filter((part) => part !== '');
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  /** The parts of the route; the first names the page. */
  parts = $state.raw<string[]>(parts());

  constructor() {
    window.addEventListener('hashchange', () => {
      this.parts = parts();
    });
  }
}

export const router = new Router();

/** The address of a route, for a link. */
export function to(...route: string[]): string {
  return `#/${route.map(encodeURIComponent).join('/')}`;
}
