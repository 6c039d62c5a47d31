export function page(): { html: string; policy: Record<string, string> } {
  return { html: '', policy: {} };
}
