// What the FAPI scripts share: a look at the traffic, keys, and all the ways to spoil a response on its way.
import { settings } from './talk.mjs'

// Each request to an endpoint: the nonce in its proof, what came back, and the nonce that was given.
export const traffic = []

export async function watched(url, options) {
  const response = await fetch(url, options)
  const at = new URL(url).pathname.split('/').pop()
  if (['par', 'token', 'userinfo'].includes(at)) {
    const proof = new Headers(options.headers).get('dpop')
    const body = await response.clone().json()
    traffic.push({
      at,
      status: response.status,
      error: body.error ?? null,
      sent: proof ? (decoded(proof.split('.')[1]).nonce ?? null) : null,
      given: response.headers.get('dpop-nonce'),
    })
  }
  return response
}

const decoded = (part) => JSON.parse(Buffer.from(part, 'base64url'))
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')

export function claimsOf(jwt) {
  return decoded(jwt.split('.')[1])
}

export async function jwks(as) {
  return (await fetch(as.jwks_uri)).json()
}

export async function decryptionKey() {
  const { jwk, alg } = settings.decrypt
  const [algorithm, usage] =
    jwk.kty === 'RSA' ? [{ name: 'RSA-OAEP', hash: 'SHA-256' }, 'decrypt'] : [{ name: 'ECDH', namedCurve: jwk.crv }, 'deriveBits']
  return { key: await crypto.subtle.importKey('jwk', jwk, algorithm, false, [usage]), alg, kid: jwk.kid }
}

// Why the server or the library said no, as the server's refusal ID or the library's own code.
export async function refusal(attempt) {
  try {
    await attempt()
  } catch (error) {
    return error.response?.headers.get('pushgate-refusal') ?? error.code
  }
  return null
}

// The same response, each time with one thing wrong, by name.
export function spoilt(landed) {
  const response = landed.searchParams.get('response')
  if (response === null) {
    return {
      'another issuer': but(landed, { iss: 'https://other.example' }),
      'no issuer': but(landed, { iss: null }),
      'another state': but(landed, { state: 'another' }),
    }
  }
  const parts = response.split('.')
  const at = (place, value) => but(landed, { response: parts.map((part, index) => (index === place ? value : part)).join('.') })
  const flipped = (place) => at(place, (parts[place][0] === 'A' ? 'B' : 'A') + parts[place].slice(1))
  if (parts.length === 5) {
    return { 'another header': flipped(0), 'another ciphertext': flipped(3), 'another tag': flipped(4) }
  }
  const { aud, exp, ...members } = claimsOf(response)
  return {
    'another code': at(1, encoded({ ...members, aud, exp, code: 'another' })),
    'another client': at(1, encoded({ ...members, exp, aud: 'another' })),
    'another signature': flipped(2),
    'no algorithm': but(landed, { response: `${encoded({ alg: 'none' })}.${parts[1]}.` }),
    'in the open': but(landed, { response: null, ...members }),
  }
}

function but(landed, changes) {
  const url = new URL(landed)
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) url.searchParams.delete(name)
    else url.searchParams.set(name, value)
  }
  return url
}

// The algorithms that the client registered, and the library therefore demands.
export const metadata = {
  id_token_signed_response_alg: settings.alg,
  authorization_signed_response_alg: settings.alg,
}
