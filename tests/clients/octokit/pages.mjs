// Pages: octokit.paginate over lists of packages and of versions, and what stands in Link.
import assert from "node:assert/strict";
import {clientOf, given} from "./client.mjs";

const octokit = clientOf(given.token);
const {packages} = octokit;
const [package_name] = given.packages;
const wanted = {org: given.org, package_type: "container", package_name};
const list = packages.getAllPackageVersionsForPackageOwnedByOrg;
const all = (await list({...wanted, per_page: 100})).data;
const ids = all.map(one => one.id);
assert.equal(ids.length, given.tags.length);

for (const per_page of [1, 2, ids.length, 100]) {
	const found = await octokit.paginate(list, {...wanted, per_page}, ({data}) => data.map(one => one.id));
	assert.deepEqual(found, ids, `${per_page} a page`);
}
for (const [method, owner] of [[packages.listPackagesForOrganization, {org: given.org}],
	[packages.listPackagesForUser, {username: given.login}], [packages.listPackagesForAuthenticatedUser, {}]]) {
	const found = await octokit.paginate(method, {...owner, package_type: "container", per_page: 1});
	assert.deepEqual(found.map(one => one.name).sort(), given.packages);
}

// Each page says where the others are; who wants all at once counts with `last`.
const pages = Math.ceil(ids.length / 2);
const numberOf = ({headers}, rel) => Number(headers.link?.match(`[?&]page=(\\d+)[^>]*>; rel="${rel}"`)?.[1] ?? 0);
let page = 0;
for await (const answer of octokit.paginate.iterator(list, {...wanted, per_page: 2})) {
	page++;
	assert.deepEqual(answer.data.map(one => one.id), ids.slice(page * 2 - 2, page * 2));
	assert.equal(numberOf(answer, "next"), page < pages ? page + 1 : 0);
	assert.equal(numberOf(answer, "prev"), page - 1);
	if (page < pages)
		assert.equal(numberOf(answer, "last"), pages);
}
assert.equal(page, pages);
assert.equal((await list({...wanted, per_page: 100})).headers.link, undefined);

// Who has found what he looked for asks for no more.
let asked = 0;
octokit.hook.before("request", () => { asked++ });
await octokit.paginate(list, {...wanted, per_page: 1}, ({data}, done) => {
	if (data[0].id === ids[1])
		done();
	return data;
});
assert.equal(asked, 2);
