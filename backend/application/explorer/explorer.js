// Asks this server with the session of whoever is signed in; nothing comes from anywhere else.
const at = (id) => document.getElementById(id);
// As deep as [[ShiftTurn!]!]!, the deepest type there is.
const KIND = `${'kind name ofType { '.repeat(5)}kind name${' }'.repeat(5)}`;
const SCHEMA = `{ __schema { types { name kind description
  fields { name description args { name description type { ${KIND} } } type { ${KIND} } }
  inputFields { name description type { ${KIND} } }
  enumValues { name description } } } }`;

async function ask(query, variables) {
  const answer = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'accept-language': at('language').value },
    credentials: 'same-origin',
    body: JSON.stringify({ query, variables, extensions: { cost: true } })
  });
  return answer.json();
}

/** A type as the schema's own language writes it. */
function typeText(type) {
  if (type.kind === 'NON_NULL') return `${typeText(type.ofType)}!`;
  if (type.kind === 'LIST') return `[${typeText(type.ofType)}]`;
  return type.name;
}

function fieldText(field) {
  const args = (field.args ?? []).map((one) => `${one.name}: ${typeText(one.type)}`);
  const type = field.type ? `: ${typeText(field.type)}` : '';
  return field.name + (args.length ? `(${args.join(', ')})` : '') + type;
}

function element(name, text, ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

/** A field or value: how it is written, what it is, and what its arguments are. */
function memberElement(one) {
  const args = (one.args ?? []).map((arg) => element('li', '', element('code', arg.name), ` ${arg.description}`));
  const about = ` ${one.description ?? ''}`;
  return element('dd', '', element('code', fieldText(one)), about, element('ul', '', ...args));
}

function typeElement(type, word) {
  const members = [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])];
  const found = members.filter((one) => one.name.toLowerCase().includes(word));
  if (!type.name.toLowerCase().includes(word) && found.length === 0) return [];
  const shown = found.length > 0 ? found : members;
  const items = shown.map(memberElement);
  const about = element('p', type.description ?? '');
  return [element('details', '', element('summary', type.name), about, element('dl', '', ...items))];
}

function show(types) {
  const word = at('search').value.trim().toLowerCase();
  const known = types.filter((type) => !type.name.startsWith('__'));
  at('schema').replaceChildren(...known.flatMap((type) => typeElement(type, word)));
}

async function run(event) {
  event.preventDefault();
  try {
    const variables = JSON.parse(at('variables').value || '{}');
    const answer = await ask(at('query').value, variables);
    at('cost').textContent = answer.extensions ? `cost ${answer.extensions.cost.requested}` : '';
    at('answer').textContent = JSON.stringify(answer, null, 2);
  } catch (error) {
    at('answer').textContent = String(error);
  }
}

at('query').value = '{ project { slug name { en zh } meters { slug energy unit } } }';
at('ask').addEventListener('submit', run);
const { data } = await ask('{ viewer { person { locale } } }');
at('language').value = data?.viewer?.person.locale ?? 'en';
let types = [];

/** The schema anew, told in the language that is chosen. */
async function read() {
  document.documentElement.lang = at('language').value;
  types = (await ask(SCHEMA)).data.__schema.types;
  show(types);
}

at('language').addEventListener('change', read);
at('search').addEventListener('input', () => show(types));
await read();
