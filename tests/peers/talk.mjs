// How a script talks to the test: settings come in as the first line; for each page to visit it prints
// {"visit": url} and reads back where the browser landed; at the end it prints one line of results.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value

export const settings = JSON.parse(await line())

export async function visit(url) {
  console.log(JSON.stringify({ visit: url.href }))
  return new URL(await line())
}

export async function privateKey() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const key = await crypto.subtle.importKey('jwk', settings.jwk, algorithm, false, ['sign'])
  return { key, kid: settings.jwk.kid }
}

// Run the flow; what the library throws because of the server's answer is a result too.
export async function play(flow) {
  try {
    console.log(JSON.stringify(await flow()))
  } catch (error) {
    if (!('error' in error) && !error.response) throw error
    const { error: code, error_description, status, response } = error
    const refusal = response?.headers.get('pushgate-refusal')
    console.log(JSON.stringify({ refused: { error: code, error_description, status, refusal } }))
  }
  process.exit()
}
