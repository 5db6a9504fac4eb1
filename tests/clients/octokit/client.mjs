// What the programs share: Octokit as its users make it, and refusals as they see them. What they are to work with comes
// as JSON in the first argument.
import assert from "node:assert/strict";
import {Octokit} from "@octokit/rest";

export const given = JSON.parse(process.argv[2]);

// It complains of methods that have another name by now, and of nothing else.
const log = {debug() {}, info() {}, error() {}, warn: text => assert.match(text, / has been renamed to /)};

export function clientOf(token) {
	return new Octokit({auth: token, baseUrl: given.api, log});
}

// The error of a call that must fail: Octokit's own, with the status and GitHub's message.
export async function refused(call, status, message) {
	const error = await call.then(() => assert.fail(`done, where ${status} was expected`), thrown => thrown);
	assert.equal(error.name, "HttpError", error.stack);
	assert.equal(error.status, status, error.message);
	assert.match(error.response.data.message, message);
	assert.equal(error.response.data.status, String(status));
	assert.ok(error.message.startsWith(error.response.data.message), error.message);
	assert.ok(error.message.endsWith(` - ${error.response.data.documentation_url}`), error.message);
	assert.ok(error.request.url.startsWith(given.api));
	return error;
}
