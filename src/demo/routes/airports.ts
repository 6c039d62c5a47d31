import { problem } from '../problem.ts';
import { faultOf } from '../query.ts';
import type { Answer, Routes, World } from '../route.ts';

/** The busiest airports of where this company flies: IATA code, city, name. */
const AIRPORTS = [
  ['AMS', 'Amsterdam', 'Schiphol'],
  ['ATH', 'Athens', 'Eleftherios Venizelos'],
  ['BCN', 'Barcelona', 'El Prat'],
  ['BER', 'Berlin', 'Brandenburg'],
  ['BRU', 'Brussels', 'Zaventem'],
  ['CDG', 'Paris', 'Charles de Gaulle'],
  ['CPH', 'Copenhagen', 'Kastrup'],
  ['DUB', 'Dublin', 'Collinstown'],
  ['FCO', 'Rome', 'Fiumicino'],
  ['FRA', 'Frankfurt', 'Rhein-Main'],
  ['HEL', 'Helsinki', 'Vantaa'],
  ['IST', 'Istanbul', 'Arnavutköy'],
  ['LHR', 'London', 'Heathrow'],
  ['LIS', 'Lisbon', 'Humberto Delgado'],
  ['MAD', 'Madrid', 'Barajas'],
  ['MUC', 'Munich', 'Franz Josef Strauß'],
  ['ORY', 'Paris', 'Orly'],
  ['OSL', 'Oslo', 'Gardermoen'],
  ['PRG', 'Prague', 'Václav Havel'],
  ['VIE', 'Vienna', 'Schwechat'],
  ['WAW', 'Warsaw', 'Chopin'],
  ['ZRH', 'Zurich', 'Kloten'],
].map(([code = '', city = '', name = '']) => ({ code, city, name }));

/** `GET /airports?q=`: those whose code, city or name begins with the text, in the order of their codes. */
export function airportRoutes({ answers: { json, refuse } }: World): Routes {
  const find: Answer = async (_request, { url }) => {
    const fault = faultOf(url, ['q']);
    if (fault !== undefined) return refuse(fault);
    const q = url.searchParams.get('q') ?? '';
    if (q.length > 80) return refuse(problem('invalid-query', `q: expected at most 80 characters, received ${q.length}`));
    const wanted = folded(q);
    const airports = AIRPORTS.filter((airport) => Object.values(airport).some((text) => folded(text).startsWith(wanted)));
    return json(200, { airports });
  };
  return { '/airports': { GET: find } };
}

/** Without case and accents, as people type. */
function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();
}
