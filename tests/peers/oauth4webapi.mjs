// The whole flow with oauth4webapi, one request and one check at a time.
import * as oauth from 'oauth4webapi'
import { play, privateKey, settings, visit } from './talk.mjs'

const methods = {
  client_secret_basic: () => oauth.ClientSecretBasic(settings.secret),
  client_secret_post: () => oauth.ClientSecretPost(settings.secret),
  client_secret_jwt: () => oauth.ClientSecretJwt(settings.secret),
  private_key_jwt: async () => oauth.PrivateKeyJwt(await privateKey()),
  none: () => oauth.None(),
}
const http = { [oauth.allowInsecureRequests]: true }

await play(async () => {
  const issuer = new URL(settings.issuer)
  const client = { client_id: settings.client_id, id_token_signed_response_alg: settings.id_token_alg }
  const auth = await methods[settings.method]()
  // Both documents: RFC 8414, and OpenID Connect Discovery.
  await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...http }))
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))

  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const parameters = {
    response_type: 'code',
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    prompt: 'consent',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }
  const pushed = await oauth.processPushedAuthorizationResponse(
    as,
    client,
    await oauth.pushedAuthorizationRequest(as, client, auth, parameters, http),
  )
  const url = new URL(as.authorization_endpoint)
  url.searchParams.set('client_id', client.client_id)
  url.searchParams.set('request_uri', pushed.request_uri)
  const answer = oauth.validateAuthResponse(as, client, await visit(url), state)

  const redeem = async () => {
    const reply = await oauth.authorizationCodeGrantRequest(
      as, client, auth, answer, settings.redirect_uri, verifier, http,
    )
    const checks = { expectedNonce: nonce, requireIdToken: true }
    const tokens = await oauth.processAuthorizationCodeResponse(as, client, reply, checks)
    await oauth.validateApplicationLevelSignature(as, reply, http) // of the ID Token, against jwks_uri
    return tokens
  }
  const tokens = await redeem()
  if (settings.redeem_twice) await redeem()
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const userinfo = async (accessToken) =>
    oauth.processUserInfoResponse(
      as, client, claims.sub, await oauth.userInfoRequest(as, client, accessToken, http),
    )
  const first = await userinfo(tokens.access_token)
  const refreshed = await oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, http),
  )
  return {
    authorization_url: url.href,
    nonce,
    scope: tokens.scope,
    claims,
    userinfo: first,
    refreshed: {
      claims: oauth.getValidatedIdTokenClaims(refreshed),
      userinfo: await userinfo(refreshed.access_token),
      refresh_token: Boolean(refreshed.refresh_token),
    },
  }
})
