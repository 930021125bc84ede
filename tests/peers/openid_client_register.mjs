// Register with openid-client, then the whole flow as the client that came of it.
import * as client from 'openid-client'
import { play, settings, visit } from './talk.mjs'

const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks]

await play(async () => {
  const config = await client.dynamicClientRegistration(
    new URL(settings.issuer),
    settings.metadata,
    undefined, // the secret that the server made, by client_secret_post
    { initialAccessToken: settings.initial_access_token, execute },
  )
  const registered = config.clientMetadata()
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
  const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, landed, checks)
  const claims = tokens.claims()
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  const again = await client.fetchUserInfo(config, refreshed.access_token, claims.sub)
  return {
    registered,
    authorization_url: url.href,
    nonce: expectedNonce,
    scope: tokens.scope,
    claims,
    userinfo,
    refreshed: { claims: refreshed.claims(), userinfo: again },
  }
})
