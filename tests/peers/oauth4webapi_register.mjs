// Register with oauth4webapi, one request and one check at a time, and push as the client that came of it.
import * as oauth from 'oauth4webapi'
import { play, settings } from './talk.mjs'

const http = { [oauth.allowInsecureRequests]: true }

await play(async () => {
  const issuer = new URL(settings.issuer)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, http))
  const registered = await oauth.processDynamicClientRegistrationResponse(
    await oauth.dynamicClientRegistrationRequest(as, settings.metadata, {
      initialAccessToken: settings.initial_access_token,
      ...http,
    }),
  )
  const parameters = {
    response_type: 'code',
    redirect_uri: settings.redirect_uri,
    scope: settings.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(oauth.generateRandomCodeVerifier()),
    code_challenge_method: 'S256',
  }
  const auth = registered.client_secret ? oauth.ClientSecretBasic(registered.client_secret) : oauth.None()
  const pushed = await oauth.processPushedAuthorizationResponse(
    as,
    registered,
    await oauth.pushedAuthorizationRequest(as, registered, auth, parameters, http),
  )
  return { registered, request_uri: pushed.request_uri }
})
