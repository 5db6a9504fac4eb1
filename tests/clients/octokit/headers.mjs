// Conditional requests, what is left of a limit, the version of the API.
import assert from "node:assert/strict";
import {clientOf, given} from "./client.mjs";

const octokit = clientOf(given.token);
const wanted = {org: given.org, package_type: "container", package_name: given.packages[0]};
const get = headers => octokit.packages.getPackageForOrganization({...wanted, headers});

const first = await get({});
assert.match(first.headers.etag, /^W\/"/);
await assert.rejects(get({"if-none-match": first.headers.etag}), {name: "HttpError", status: 304});
assert.deepEqual((await get({"if-none-match": "\"other\""})).data, first.data);

const {data: {rate, resources}} = await octokit.rateLimit.get();
assert.deepEqual(resources.core, rate);
assert.equal(rate.limit, given.limit);
const next = await get({});
for (const [name, value] of [["limit", rate.limit], ["reset", rate.reset], ["remaining", rate.remaining]]) {
	const said = Number(next.headers[`x-ratelimit-${name}`]);
	assert.ok(Number.isInteger(said) && said > 0, `${name}: ${said}, before ${value}`);
}
assert.equal(Number(next.headers["x-ratelimit-limit"]), given.limit);
assert.ok(Number(next.headers["x-ratelimit-remaining"]) < given.limit);

for (const asked of [undefined, "2022-11-28"]) {
	const {headers} = await get(asked === undefined ? {} : {"X-GitHub-Api-Version": asked});
	assert.equal(headers["x-github-api-version-selected"], "2022-11-28");
	assert.ok(headers["x-github-request-id"]);
}
const me = (await octokit.users.getAuthenticated()).data;
assert.equal(me.login, given.login);
assert.equal((await octokit.meta.root()).data.current_user_url, `${given.api}/user`);
