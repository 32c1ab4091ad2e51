/** To a provider of identities, and what the way back from one says behind the `#`. */
import { AppError, type Params } from '../net/errors.ts';

interface Going {
  purpose: 'sign_in' | 'link' | 'join';
  invitation?: string;
  name?: string;
  login?: string;
  locale?: string;
}

/** Leave for a provider; the page goes on there. */
export async function leaveFor(provider: string, going: Going): Promise<void> {
  const response = await fetch(`/api/v1/sign-in/${provider}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(going)
  }).catch(() => null);
  if (!response) throw new AppError('offline');
  const answer: { address?: string; code?: string; params?: Params } = await response
    .json()
    .catch(() => ({}));
  if (!answer.address) throw new AppError(answer.code ?? 'unavailable', answer.params);
  location.assign(answer.address);
}

/** The second step that is due, or why it failed; read once, then gone from the address. */
export function broughtBack(): { second: string; refused: string } {
  const told = new URLSearchParams(location.hash.slice(1));
  const found = { second: told.get('second') ?? '', refused: told.get('refused') ?? '' };
  if (found.second || found.refused) history.replaceState(history.state, '', location.pathname);
  return found;
}
