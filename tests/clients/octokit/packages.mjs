// Calls each method that Octokit has for packages, in all forms of an owner. Nothing is lost by it: what is deleted is
// restored, and must be what it was.
import assert from "node:assert/strict";
import {clientOf, given, refused} from "./client.mjs";

const octokit = clientOf(given.token);
const called = new Set();
const packages = new Proxy(octokit.packages, {
	get(methods, name) {
		called.add(name);
		assert.equal(typeof methods[name], "function", `Octokit has no packages.${name}`);
		return methods[name];
	},
});

// How the names of methods end for this owner: those that read packages, those that change them, lists of versions.
const forms = [
	{owner: {org: given.org}, reads: "Organization", changes: "Org", versions: ["ForPackageOwnedByOrg",
		"ForAPackageOwnedByAnOrg"]},
	{owner: {username: given.login}, reads: "User", changes: "User", versions: ["ForPackageOwnedByUser"]},
	{owner: {username: given.org}, reads: "User", changes: "User", versions: ["ForPackageOwnedByUser"]},
	{owner: {}, reads: "AuthenticatedUser", changes: "AuthenticatedUser", versions: [
		"ForPackageOwnedByAuthenticatedUser", "ForAPackageOwnedByTheAuthenticatedUser"]},
];
const package_type = "container";

async function lists({owner, reads}) {
	const {status, data} = await packages[`listPackagesFor${reads}`]({...owner, package_type});
	assert.equal(status, 200);
	assert.deepEqual(data.map(one => one.name).sort(), given.packages);
	for (const field of ["id", "package_type", "owner", "version_count", "visibility", "url", "html_url", "created_at",
		"updated_at"])
		assert.ok(field in data[0], field);
	const {data: secret} = await packages[`listPackagesFor${reads}`]({...owner, package_type, visibility: "private"});
	const {data: open} = await packages[`listPackagesFor${reads}`]({...owner, package_type, visibility: "public"});
	assert.deepEqual([secret.length, open.length], [given.packages.length, 0]);
	const {data: others} = await packages[`listPackagesFor${reads}`]({...owner, package_type: "npm"});
	assert.deepEqual(others, []);
	const conflicts = await packages[`listDockerMigrationConflictingPackagesFor${reads}`](owner);
	assert.deepEqual(conflicts.data, []);
}

async function versionsOf(form, which, state) {
	const {data} = await packages[`getAllPackageVersions${form.versions[which]}`]({...packageOf(form), state});
	return data;
}

function packageOf({owner}) {
	return {...owner, package_type, package_name: given.packages[0]};
}

async function versions(form) {
	const {reads, changes} = form;
	const all = await versionsOf(form, 0);
	assert.deepEqual(all.map(one => one.metadata.container.tags), given.tags.map(tag => [tag]));
	for (const which of form.versions.keys())
		assert.deepEqual(await versionsOf(form, which), all);
	const wanted = {...packageOf(form), package_version_id: all[2].id};
	const get = packages[`getPackageVersionFor${reads}`], remove = packages[`deletePackageVersionFor${changes}`];
	const restore = packages[`restorePackageVersionFor${changes}`];
	assert.equal((await get(wanted)).data.name, all[2].name);
	assert.equal((await remove(wanted)).status, 204);
	await refused(get(wanted), 404, /not found/i);
	await refused(remove(wanted), 404, /not found/i);
	const [deleted, ...more] = await versionsOf(form, 0, "deleted");
	assert.deepEqual([deleted.id, more], [all[2].id, []]);
	assert.ok(Date.parse(deleted.deleted_at) > Date.parse(deleted.created_at) - 1);
	assert.equal((await restore(wanted)).status, 204);
	await refused(restore(wanted), 404, /not found/i);
	assert.deepEqual(names(await versionsOf(form, 0)), names(all));
}

// Of what a version has, what a restore must bring back.
function names(all) {
	return all.map(one => [one.id, one.name, one.metadata.container.tags]);
}

async function wholePackage(form) {
	const wanted = packageOf(form), {reads, changes} = form;
	const get = packages[`getPackageFor${reads}`], restore = packages[`restorePackageFor${changes}`];
	const before = (await get(wanted)).data, all = await versionsOf(form, 0);
	assert.deepEqual([before.name, before.version_count], [given.packages[0], given.tags.length]);
	await refused(restore(wanted), 404, /not found/i);
	assert.equal((await packages[`deletePackageFor${changes}`](wanted)).status, 204);
	await refused(get(wanted), 404, /^Package not found\.$/);
	assert.equal((await restore(wanted)).status, 204);
	assert.equal((await get(wanted)).data.id, before.id);
	assert.deepEqual(names(await versionsOf(form, 0)), names(all));
}

for (const form of forms) {
	await lists(form);
	await versions(form);
	await wholePackage(form);
}
const left = Object.keys(octokit.packages).filter(name => !called.has(name));
assert.deepEqual(left, [], "methods that this program does not call");
console.log(`${called.size} methods by ${process.version}`);
