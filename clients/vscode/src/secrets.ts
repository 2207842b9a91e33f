// Keeps what opens doors out of the log. The process's own log lines are without secrets already; this is for what
// the trace prints, which is whole messages.

const HIDDEN = '<hidden>';

/** Members whose text is a secret, whatever it looks like: the port's key is one that a person may choose. */
const MEMBERS = /("(?:key|api_?key|accessToken|access_token|authorization)": *)"(?:[^"\\]|\\.)*"/gi;
/** GitHub's tokens by their looks, and what follows an Authorization header's scheme. */
const LOOKS = /\b(?:gh[a-z]_\w{20,}|github_pat_\w{20,}|tid=[^\s"'\\]+|(?<=\bBearer +)[^\s"'\\]+)/g;

export const withoutSecrets = (text: string): string =>
  text.replace(MEMBERS, `$1"${HIDDEN}"`).replace(LOOKS, HIDDEN);
