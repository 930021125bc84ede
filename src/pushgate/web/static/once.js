// A button that is pressed again while its form is on the way sends nothing more: the second request
// would only be told that the first one was answered. Without scripts everything works, but for that.
let sent = 0
addEventListener('submit', (event) => {
  if (event.submitter?.formMethod === 'dialog') return
  if (sent && event.timeStamp - sent < 10000) event.preventDefault()
  else sent = event.timeStamp
})
addEventListener('pageshow', () => { sent = 0 })
