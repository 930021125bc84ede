// A FAPI 2.0 flow with oauth4webapi, one request and one check at a time; at the end the library is the API's server.
import { compactDecrypt } from 'jose/jwe/compact/decrypt'
import * as oauth from 'oauth4webapi'
import { decryptionKey, jwks, metadata, refusal, spoilt, traffic, watched } from './fapi.mjs'
import { play, privateKey, settings, visit } from './talk.mjs'

const http = { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: watched }

async function decrypt(jwe) {
  const { key, alg } = await decryptionKey()
  const algorithms = { keyManagementAlgorithms: [alg], contentEncryptionAlgorithms: [settings.decrypt.enc] }
  return new TextDecoder().decode((await compactDecrypt(jwe, key, algorithms)).plaintext)
}

// Send, and send once more if the server wants its nonce in the proof.
async function twice(send) {
  try {
    return await send()
  } catch (error) {
    if (oauth.isDPoPNonceError(error)) return send()
    throw error
  }
}

// What an API says of a request with this token: the library checks token, proof and binding as a resource server.
async function asApi(as, token, options, audience = settings.api) {
  let seen
  const api = async (url, init) => {
    seen = new Request(url, init)
    return new Response()
  }
  const url = new URL('/balance', settings.api)
  await oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, { ...options, [oauth.customFetch]: api })
  const demands = { requireDPoP: true, signingAlgorithms: ['ES256', settings.dpop_alg], ...http }
  return oauth.validateJwtAccessToken(as, seen, audience, demands)
}

await play(async () => {
  const issuer = new URL(settings.issuer)
  const client = { client_id: settings.client_id, ...metadata }
  const auth = oauth.PrivateKeyJwt(await privateKey())
  await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }))
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))

  const pair = await oauth.generateKeyPair(settings.dpop_alg)
  const kept = oauth.DPoP(client, pair)
  const other = oauth.DPoP(client, await oauth.generateKeyPair(settings.dpop_alg))
  const bound = () => ({ ...http, DPoP: kept })

  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const asked = {
    response_type: 'code',
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    dpop_jkt: await (settings.stranger ? other : kept).calculateThumbprint(),
    state,
    nonce,
    ...(settings.jarm && { response_mode: 'jwt' }),
  }
  const spoil = { [oauth.modifyAssertion]: (header, payload) => Object.assign(payload, settings.object) }
  const parameters = settings.signed
    ? { request: await oauth.issueRequestObject(as, client, asked, await privateKey(), spoil) }
    : asked
  const pushed = await twice(async () =>
    oauth.processPushedAuthorizationResponse(
      as, client, await oauth.pushedAuthorizationRequest(as, client, auth, parameters, bound()),
    ),
  )
  const url = new URL(as.authorization_endpoint)
  url.searchParams.set('client_id', client.client_id)
  url.searchParams.set('request_uri', pushed.request_uri)
  const landed = await visit(url)

  const checked = (from) =>
    settings.jarm
      ? oauth.validateJwtAuthResponse(as, client, from, state, {
          ...http,
          ...(settings.decrypt && { [oauth.jweDecrypt]: decrypt }),
        })
      : oauth.validateAuthResponse(as, client, from, state)
  const responses = {}
  for (const [name, from] of Object.entries(spoilt(landed))) {
    responses[name] = await refusal(async () => checked(from))
  }
  const answer = await checked(landed)

  const redeem = (options) =>
    twice(async () => {
      const reply = await oauth.authorizationCodeGrantRequest(
        as, client, auth, answer, settings.redirect_uri, verifier, options,
      )
      const checks = { expectedNonce: nonce, requireIdToken: true }
      const tokens = await oauth.processAuthorizationCodeResponse(as, client, reply, checks)
      await oauth.validateApplicationLevelSignature(as, reply, http)
      return tokens
    })
  const refresh = (token, options) =>
    twice(async () => {
      const reply = await oauth.refreshTokenGrantRequest(as, client, auth, token, options)
      return oauth.processRefreshTokenResponse(as, client, reply)
    })
  const codes = {
    'no proof': await refusal(() => redeem(http)),
    'another key': await refusal(() => redeem({ ...http, DPoP: other })),
  }
  const tokens = await redeem(bound())
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = (token, options) =>
    twice(async () =>
      oauth.processUserInfoResponse(as, client, claims.sub, await oauth.userInfoRequest(as, client, token, options)),
    )
  const first = await userinfo(tokens.access_token, bound())
  const refreshed = await refresh(tokens.refresh_token, bound())
  const again = await userinfo(refreshed.access_token, bound())
  const stolen = {
    bearer: await refusal(() => userinfo(tokens.access_token, http)),
    'another key': await refusal(() => userinfo(tokens.access_token, { ...http, DPoP: other })),
  }
  const renewed = await refresh(tokens.refresh_token, { ...http, DPoP: other })
  return {
    authorization_url: url.href,
    landed: [...landed.searchParams.keys()],
    nonce,
    scope: tokens.scope,
    token_type: tokens.token_type,
    access_token: tokens.access_token,
    jkt: await kept.calculateThumbprint(),
    claims,
    userinfo: first,
    refreshed: {
      claims: oauth.getValidatedIdTokenClaims(refreshed),
      userinfo: again,
      token_type: refreshed.token_type,
      access_token: refreshed.access_token,
      refresh_token: Boolean(refreshed.refresh_token),
    },
    renewed: { access_token: renewed.access_token, jkt: await other.calculateThumbprint() },
    api: {
      claims: await asApi(as, tokens.access_token, bound()),
      bearer: await refusal(() => asApi(as, tokens.access_token, {})),
      'another key': await refusal(() => asApi(as, tokens.access_token, { DPoP: other })),
      'another API': await refusal(() => asApi(as, tokens.access_token, bound(), 'https://other.example')),
    },
    responses,
    codes,
    stolen,
    traffic,
    jwks: await jwks(as),
  }
})
