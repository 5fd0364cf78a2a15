// The tests bring their own handlers; the Worker around them only has to exist.
export default { fetch: () => new Response(null, { status: 404 }) };
