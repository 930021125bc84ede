// A web application whose users sign in with openid-client: it registers itself, and forgets whom it is told to.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import * as client from 'openid-client'
import * as jose from 'jose'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const { issuer } = JSON.parse((await lines.next()).value)
const insecure = { execute: [client.allowInsecureRequests] }

const started = new Map() // state -> what was asked
const sessions = new Map() // sid -> tokens and claims
const told = [] // how sessions were ended
let base, configs, keys

const html = (title, body = '') =>
  `<!doctype html><html lang="en"><title>${title}</title><h1>${title}</h1><pre>${body}</pre>`
const body = async (request) => {
  let text = ''
  for await (const chunk of request) text += chunk
  return text
}

async function registered(response_types, grant_types, use) {
  const config = await client.dynamicClientRegistration(
    new URL(issuer),
    {
      client_name: `Relying party (${response_types[0]})`,
      application_type: 'native',
      token_endpoint_auth_method: 'client_secret_post', // what openid-client does unless it is told otherwise
      redirect_uris: [`${base}/cb`],
      post_logout_redirect_uris: [`${base}/bye`],
      backchannel_logout_uri: `${base}/backchannel`,
      backchannel_logout_session_required: true,
      frontchannel_logout_uri: `${base}/frontchannel`,
      frontchannel_logout_session_required: true,
      scope: 'openid profile email offline_access',
      response_types,
      grant_types,
    },
    undefined,
    insecure,
  )
  use?.(config)
  return config
}

const routes = {
  async login(url) {
    const flow = url.searchParams.get('flow')
    const config = configs[flow]
    const [state, nonce, verifier] = [client.randomState(), client.randomNonce(), client.randomPKCECodeVerifier()]
    started.set(state, { flow, nonce, verifier })
    const parameters = { redirect_uri: `${base}/cb`, scope: 'openid profile email offline_access', state, nonce }
    if (url.searchParams.has('prompt')) parameters.prompt = url.searchParams.get('prompt')
    if (flow !== 'implicit') {
      parameters.code_challenge = await client.calculatePKCECodeChallenge(verifier)
      parameters.code_challenge_method = 'S256'
    }
    if (flow !== 'code') parameters.response_mode = 'form_post'
    const build = flow === 'code' ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl
    return { location: (await build(config, parameters)).href }
  },
  async cb(url, request) {
    const post = request.method === 'POST' && (await body(request))
    const state = new URLSearchParams(post || url.search).get('state')
    const { flow, nonce: expectedNonce, verifier } = started.get(state)
    started.delete(state)
    const config = configs[flow]
    const answer = post
      ? new Request(url, { method: 'POST', body: post, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
      : url
    const checks = { expectedNonce, expectedState: state, pkceCodeVerifier: verifier, idTokenExpected: true }
    let tokens = {}
    let claims
    if (flow === 'implicit') {
      claims = await client.implicitAuthentication(config, answer, expectedNonce, { expectedState: state })
      tokens = { id_token: new URLSearchParams(post).get('id_token') }
    } else {
      tokens = await client.authorizationCodeGrant(config, answer, checks)
      claims = tokens.claims()
    }
    sessions.set(claims.sid, { flow, tokens, claims })
    return { page: html('Signed in', JSON.stringify({ flow, claims, refresh: Boolean(tokens.refresh_token) })) }
  },
  async refresh() {
    const [session] = [...sessions.values()].slice(-1)
    const config = configs[session.flow]
    const fresh = await client.refreshTokenGrant(config, session.tokens.refresh_token)
    const userinfo = await client.fetchUserInfo(config, fresh.access_token, session.claims.sub)
    return { page: html('Refreshed', JSON.stringify(userinfo)) }
  },
  async revoke() {
    const [session] = [...sessions.values()].slice(-1)
    const config = configs[session.flow]
    await client.tokenRevocation(config, session.tokens.refresh_token)
    const why = await client.refreshTokenGrant(config, session.tokens.refresh_token).catch((error) => error.error)
    return { page: html('Revoked', JSON.stringify(why)) }
  },
  async logout() {
    const [session] = [...sessions.values()].slice(-1)
    const parameters = { post_logout_redirect_uri: `${base}/bye`, state: 'a-state' }
    if (session.tokens.id_token) parameters.id_token_hint = session.tokens.id_token
    return { location: client.buildEndSessionUrl(configs[session.flow], parameters).href }
  },
  async bye(url) {
    return { page: html('Signed out', JSON.stringify({ state: url.searchParams.get('state'), told, left: sessions.size })) }
  },
  async backchannel(url, request) {
    const token = new URLSearchParams(await body(request)).get('logout_token')
    const { payload } = await jose.jwtVerify(token, keys, { issuer, typ: 'logout+jwt' })
    if (!payload.events['http://schemas.openid.net/event/backchannel-logout'] || 'nonce' in payload) throw payload
    told.push({ by: 'back-channel', known: sessions.delete(payload.sid) })
    return { page: '' }
  },
  async frontchannel(url) {
    if (url.searchParams.get('iss') !== issuer) throw url
    told.push({ by: 'front-channel', sid: Boolean(url.searchParams.get('sid')) })
    return { page: html('Forgotten') }
  },
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, base)
  const route = routes[url.pathname.slice(1)]
  try {
    const { page = '', location } = route ? await route(url, request) : { page: html('The application') }
    response.writeHead(location ? 302 : 200, { 'content-type': 'text/html', 'cache-control': 'no-store', ...(location && { location }) })
    response.end(page)
  } catch (error) {
    response.writeHead(500, { 'content-type': 'text/html' })
    response.end(html('Failed', `${error?.error} ${error?.error_description} ${error?.stack}`))
  }
})

server.listen(0, '127.0.0.1', async () => {
  base = `http://127.0.0.1:${server.address().port}`
  configs = {
    code: await registered(['code'], ['authorization_code', 'refresh_token']),
    hybrid: await registered(['code id_token'], ['authorization_code', 'implicit', 'refresh_token'], client.useCodeIdTokenResponseType),
    implicit: await registered(['id_token'], ['implicit'], client.useIdTokenResponseType),
  }
  keys = jose.createRemoteJWKSet(new URL(configs.code.serverMetadata().jwks_uri))
  console.log(JSON.stringify({ base }))
})
