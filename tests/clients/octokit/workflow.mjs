// A workflow's token deletes and restores where its repository is admin, and is refused elsewhere.
import assert from "node:assert/strict";
import {clientOf, given, refused} from "./client.mjs";

const octokit = clientOf(given.token);
const [package_name] = given.packages;
const ours = {org: given.org, package_type: "container", package_name};
const theirs = {...ours, package_name: given.packages[1]};
const repositories = ["app", "other"];

async function workflowOf(repo, permission) {
	const {data} = await octokit.request("POST /repos/{owner}/{repo}/workflow-tokens",
		{owner: given.org, repo, permissions: {packages: permission}});
	return clientOf(data.token).packages;
}

function give(repo, role) {
	return octokit.request("PUT /orgs/{org}/packages/{package_type}/{package_name}/access/actions/{owner}/{repo}",
		{...ours, owner: given.org, repo, role});
}

async function mayNot(packages, wanted, status, why) {
	const [version] = (await octokit.packages.getAllPackageVersionsForPackageOwnedByOrg(wanted)).data;
	const one = {...wanted, package_version_id: version.id};
	await refused(packages.deletePackageVersionForOrg(one), status, why);
	await refused(packages.restorePackageVersionForOrg(one), status, why);
	await refused(packages.deletePackageForOrg(wanted), status, why);
	await refused(packages.restorePackageForOrg(wanted), status === 403 ? 404 : status, /not found/i);
}

for (const name of repositories)
	await octokit.repos.createInOrg({org: given.org, name});
await give("app", "admin");
await give("other", "write");
const app = await workflowOf("app", "write");
const all = (await app.getAllPackageVersionsForPackageOwnedByOrg(ours)).data;
const one = {...ours, package_version_id: all[1].id};
assert.equal((await app.deletePackageVersionForOrg(one)).status, 204);
await refused(app.getPackageVersionForOrganization(one), 404, /not found/i);
assert.equal((await app.restorePackageVersionForOrg(one)).status, 204);
assert.equal((await app.deletePackageForOrg(ours)).status, 204);
assert.equal((await app.restorePackageForOrg(ours)).status, 204);
assert.deepEqual((await app.getAllPackageVersionsForPackageOwnedByOrg(ours)).data.map(version => version.name),
	all.map(version => version.name));

await mayNot(app, theirs, 404, /^Package (version )?not found\.$/); // which does not list its repository
await mayNot(await workflowOf("other", "write"), ours, 403, /role admin/);
await mayNot(await workflowOf("app", "read"), ours, 403, /(delete|write):packages scope/);
await refused(app.listPackagesForOrganization({org: given.org, package_type: "container"}), 403,
	/^Resource not accessible by integration$/);
