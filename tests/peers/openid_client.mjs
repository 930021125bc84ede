// The whole flow with openid-client.
import * as client from 'openid-client'
import { play, privateKey, settings, visit } from './talk.mjs'

const methods = {
  client_secret_basic: () => client.ClientSecretBasic(settings.secret),
  client_secret_post: () => client.ClientSecretPost(settings.secret),
  client_secret_jwt: () => client.ClientSecretJwt(settings.secret),
  private_key_jwt: async () => client.PrivateKeyJwt(await privateKey()),
  none: () => client.None(),
}

await play(async () => {
  const config = await client.discovery(
    new URL(settings.issuer),
    settings.client_id,
    { id_token_signed_response_alg: settings.id_token_alg },
    await methods[settings.method](),
    // The signature of the ID Token is checked against jwks_uri, although it came straight from the server.
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
  )
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const url = await client.buildAuthorizationUrlWithPAR(config, {
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  })
  const landed = await visit(url)
  const redeem = () =>
    client.authorizationCodeGrant(config, landed, {
      pkceCodeVerifier,
      expectedState,
      expectedNonce,
      idTokenExpected: true,
    })
  const tokens = await redeem()
  if (settings.redeem_twice) await redeem()
  const claims = tokens.claims()
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  const again = await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
  return {
    authorization_url: url.href,
    nonce: expectedNonce,
    scope: tokens.scope,
    claims,
    userinfo,
    refreshed: { claims: refreshed.claims(), userinfo: again, refresh_token: Boolean(refreshed.refresh_token) },
  }
})
