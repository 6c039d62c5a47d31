/** Small words for what a claim says of its reasons. They escape nothing: the message does, of all that a claim says. */

/** `a, b and c`; `nothing` where there is none. */
export function listed(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? 'nothing') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** `once`, `twice`, `3 times`. */
export function times(n: number): string {
  return n === 1 ? 'once' : n === 2 ? 'twice' : `${n} times`;
}

/** `1 look`, `1,200 looks`. */
export function counted(n: number, what: string, many: string = `${what}s`): string {
  return `${n.toLocaleString('en-US')} ${n === 1 ? what : many}`;
}
