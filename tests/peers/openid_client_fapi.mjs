// A FAPI 2.0 flow with openid-client: pushed, signed and answered as the settings say, every token bound to a key.
import * as client from 'openid-client'
import { decryptionKey, jwks, metadata, refusal, spoilt, traffic, watched } from './fapi.mjs'
import { play, privateKey, settings, visit } from './talk.mjs'

await play(async () => {
  const spoil = (changes) => ({ [client.modifyAssertion]: (header, payload) => Object.assign(payload, changes) })
  const config = await client.discovery(
    new URL(settings.issuer),
    settings.client_id,
    metadata,
    client.PrivateKeyJwt(await privateKey(), spoil(settings.assertion)),
    {
      [client.customFetch]: watched,
      execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
    },
  )
  if (settings.jarm) client.useJwtResponseMode(config)
  if (settings.decrypt) client.enableDecryptingResponses(config, [settings.decrypt.enc], await decryptionKey())

  const pair = await client.randomDPoPKeyPair(settings.dpop_alg)
  const other = client.getDPoPHandle(config, await client.randomDPoPKeyPair(settings.dpop_alg))
  const kept = client.getDPoPHandle(config, pair)
  const bound = () => ({ DPoP: settings.forget ? client.getDPoPHandle(config, pair) : kept })

  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const asked = {
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    prompt: 'consent',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  }
  const parameters = settings.signed
    ? (await client.buildAuthorizationUrlWithJAR(config, asked, await privateKey(), spoil(settings.object))).searchParams
    : asked
  const url = await client.buildAuthorizationUrlWithPAR(config, parameters, bound())
  const landed = await visit(url)

  const redeem = (from, options) => {
    const checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
    return client.authorizationCodeGrant(config, from, checks, undefined, options)
  }
  const responses = {}
  for (const [name, from] of Object.entries(spoilt(landed))) responses[name] = await refusal(() => redeem(from, bound()))
  const codes = {
    'no proof': await refusal(() => redeem(landed)),
    'another key': await refusal(() => redeem(landed, { DPoP: other })),
  }
  const tokens = await redeem(landed, bound())
  const claims = tokens.claims()
  const userinfo = (accessToken, options) => client.fetchUserInfo(config, accessToken, claims.sub, options)
  const first = await userinfo(tokens.access_token, bound())
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, bound())
  const again = await userinfo(refreshed.access_token, bound())
  const stolen = {
    bearer: await refusal(() => userinfo(tokens.access_token)),
    'another key': await refusal(() => userinfo(tokens.access_token, { DPoP: other })),
  }
  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: other })
  return {
    authorization_url: url.href,
    landed: [...landed.searchParams.keys()],
    nonce: expectedNonce,
    scope: tokens.scope,
    token_type: tokens.token_type,
    access_token: tokens.access_token,
    jkt: await kept.calculateThumbprint(),
    claims,
    userinfo: first,
    refreshed: {
      claims: refreshed.claims(),
      userinfo: again,
      token_type: refreshed.token_type,
      access_token: refreshed.access_token,
      refresh_token: Boolean(refreshed.refresh_token),
    },
    renewed: { access_token: renewed.access_token, jkt: await other.calculateThumbprint() },
    responses,
    codes,
    stolen,
    traffic,
    jwks: await jwks(config.serverMetadata()),
  }
})
