/* The libevent base inside a loop: for proto/base/probe.c's evhttp only. */
#pragma once

struct loop;
struct event_base;

struct event_base *loop_event_base(struct loop *l);
