/** The longest field that is read, in characters: nobody prefers more than that. */
const MAX_PREFER = 1_000;
/** A token (RFC 9110 §5.6.2). */
const TOKEN = /[\w!#$%&'*+.^`|~-]+/y;
/** A token or a quoted string. */
const WORD = /[\w!#$%&'*+.^`|~-]+|"(?:[^"\\]|\\.)*"/y;
const SPACE = /[ \t]*/y;
/** What is left of one preference: its parameters, or what is wrong with it. */
const REST = /(?:"(?:[^"\\]|\\.)*"|[^,])*/y;

/**
 * The preferences of a request (RFC 7240 §2): names without regard to case, the first of those that come twice, and an empty value
 * for none. What is malformed is passed over, as what is not known is: a preference is never an error.
 */
export function readPrefer(field: string | null): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const text = field === null || field.length > MAX_PREFER ? '' : field;
  let at = 0;
  const take = (what: RegExp): string => {
    what.lastIndex = at;
    const [taken = ''] = what.exec(text) ?? [];
    at += taken.length;
    return taken;
  };
  for (; at < text.length; at++) {
    take(SPACE);
    const name = take(TOKEN).toLowerCase();
    take(SPACE);
    const isGiven = text[at] === '=';
    if (isGiven) at++;
    take(SPACE);
    const word = isGiven ? take(WORD) : '';
    take(SPACE);
    const isWhole = at === text.length || text[at] === ',' || text[at] === ';';
    take(REST);
    const value = word.startsWith('"') ? word.slice(1, -1).replaceAll(/\\(.)/g, '$1') : word;
    if (name !== '' && isWhole && !found.has(name)) found.set(name, value);
  }
  return found;
}
