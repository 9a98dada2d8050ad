/* SPDX-License-Identifier: Apache-2.0 */
/* The portod command: run the daemon, or talk to one that runs. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/num.h"
#include "base/str.h"
#include "base/xalloc.h"
#include "config.h"
#include "daemon.h"
#include "kernel/procfs.h"
#include "master.h"
#include "portod-config.h"
#include "self.h"

/* A server that keeps dying is started this often: containers matter more than a quiet log. */
#define RESTART_DELAY_MAX_MS 500

struct options {
	const char *config_file;
	bool stdlog, verbose, debug, norespawn;
	int timeout_s; /* -1 = from the configuration */
	char **args;   /* behind the command */
};

struct command {
	const char *name, *help;
	bool needs_config;
	int (*run)(struct options *opt, struct config *config, char **argv);
};

/* ---- a daemon that runs ---- */

static pid_t master_pid(const struct config *config)
{
	auto_free char *path = xasprintf("%s/master.pid", config->msg->daemon->state_dir);
	char text[32], comm[32];
	int64_t pid;

	if (fd_read_small(-1, path, text, sizeof(text)) <= 0 || num_parse_i64(text, &pid) ||
	    pid <= 1 || procfs_comm((pid_t)pid, comm, sizeof(comm)) ||
	    strncmp(comm, "portod", 6) != 0)
		return 0;
	return (pid_t)pid;
}

/* Send a signal and wait until the process is gone. */
static int signal_and_wait(pid_t pid, int sig, int timeout_s)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = { .fd = pidfd, .events = POLLIN };
	int rc = 0;

	if (pidfd < 0)
		return errno == ESRCH ? 0 : -1;
	if (syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) && errno != ESRCH)
		rc = -1;
	else if (poll(&p, 1, timeout_s * 1000) <= 0)
		rc = -1;
	close(pidfd);
	return rc;
}

static int stop_timeout(const struct options *opt, const struct config *config)
{
	return opt->timeout_s >= 0 ? opt->timeout_s : (int)config->msg->daemon->portod_stop_timeout;
}

static int end_master(struct options *opt, struct config *config, int sig)
{
	pid_t pid = master_pid(config);

	if (!pid) {
		fprintf(stderr, "portod is already stopped\n");
		return 0;
	}
	if (signal_and_wait(pid, sig, stop_timeout(opt, config)) == 0)
		return 0;
	fprintf(stderr, "portod: process %d did not end within %d s; see the log\n", pid,
		stop_timeout(opt, config));
	return 1;
}

static int run_stop(struct options *opt, struct config *config, char **argv)
{
	(void)argv;
	return end_master(opt, config, SIGINT);
}

static int run_shutdown(struct options *opt, struct config *config, char **argv)
{
	(void)argv;
	return end_master(opt, config, SIGTERM);
}

static int run_kill(struct options *opt, struct config *config, char **argv)
{
	(void)argv;
	return end_master(opt, config, SIGKILL);
}

static int signal_master(struct config *config, int sig)
{
	pid_t pid = master_pid(config);

	if (!pid) {
		fprintf(stderr, "portod: not running\n");
		return 1;
	}
	if (kill(pid, sig)) {
		fprintf(stderr, "portod: signal process %d: %s\n", pid, strerror(errno));
		return 1;
	}
	return 0;
}

static int run_reload(struct options *opt, struct config *config, char **argv)
{
	(void)opt;
	(void)argv;
	return signal_master(config, SIGHUP);
}

static int run_reopenlog(struct options *opt, struct config *config, char **argv)
{
	(void)opt;
	(void)argv;
	return signal_master(config, SIGUSR1);
}

static int run_status(struct options *opt, struct config *config, char **argv)
{
	bool up = master_pid(config) != 0;

	(void)opt;
	(void)argv;
	printf("%s\n", up ? "running" : "stopped");
	return up ? 0 : 1;
}

static int run_version(struct options *opt, struct config *config, char **argv)
{
	(void)opt;
	(void)config;
	(void)argv;
	printf("version: %s %s\n", PORTOD_VERSION, PORTOD_REVISION);
	return 0;
}

/* The helper knows what to do; this is its name for those who write their own core_pattern. */
static int run_core(struct options *opt, struct config *config, char **argv)
{
	auto_free char *helper = xasprintf("%s/porto-core", config->helpers_dir);
	auto_strv args = STRV_INIT;

	strv_add(&args, "porto-core");
	if (opt->config_file) {
		strv_add(&args, "--config");
		strv_add(&args, opt->config_file);
	}
	for (char **word = opt->args; *word; word++)
		strv_add(&args, *word);
	(void)argv;
	execv(helper, args.v);
	fprintf(stderr, "portod: execute %s: %s\n", helper, strerror(errno));
	return 1;
}

/* ---- the daemon ---- */

/* For whoever expects one; we ourselves go by the one in the state directory. */
static void write_pid_file(const char *path)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "%d", getpid());
	int rc = path ? fd_replace_file(AT_FDCWD, path, text, (size_t)len, 0644) : 0;

	if (rc < 0)
		log_warning("write pid file %s: %s", path, strerror(-rc));
}

static int run_daemon(struct options *opt, struct config *config, char **argv)
{
	const PortoConfig__TDaemonConfig *d = config->msg->daemon;
	struct master_options m = {
		.socket_path = d->socket_path,
		.state_dir = d->state_dir,
		.backlog = d->max_clients,
		.stop_timeout_ms = d->portod_stop_timeout * 1000,
		.restart_delay_max_ms = RESTART_DELAY_MAX_MS,
		.oom_score_adj = -1000,
		.no_restart = opt->norespawn,
		.probe_option = "--check",
	};
	auto_free char *exe = NULL;
	int rc;

	if (geteuid() != 0) {
		fprintf(stderr, "portod: must be run by root\n");
		return 1;
	}
	rc = log_open(opt->stdlog ? NULL : config->log_path, "portod-master");
	if (rc < 0) {
		fprintf(stderr, "portod: open log %s: %s\n", config->log_path, strerror(-rc));
		return 1;
	}
	log_set_level(opt->debug || config->msg->log->debug       ? LOG_DEBUG
		      : opt->verbose || config->msg->log->verbose ? LOG_VERBOSE
								  : LOG_INFO);
	m.exe = exe = self_protect(argv);
	log_info("portod %s %s starts", PORTOD_VERSION, PORTOD_REVISION);
	write_pid_file(config->pid_file);
	rc = master_run(&m, argv, daemon_main, config);
	if (config->pid_file)
		(void)unlink(config->pid_file);
	return rc;
}

static void usage(FILE *out);

static int run_help(struct options *opt, struct config *config, char **argv)
{
	(void)opt;
	(void)config;
	(void)argv;
	usage(stdout);
	return 0;
}

static const struct command commands[] = {
	{ "daemon", "run in the foreground (default)", true, run_daemon },
	{ "stop", "stop the daemon and destroy all containers", true, run_stop },
	{ "shutdown", "stop the daemon, containers keep running", true, run_shutdown },
	{ "kill", "kill the daemon at once, containers keep running", true, run_kill },
	{ "reload", "execute the installed binary in place, containers keep running", true,
	  run_reload },
	{ "reopenlog", "open the log file again", true, run_reopenlog },
	{ "status", "say whether the daemon runs", true, run_status },
	{ "version", "print the version", false, run_version },
	{ "help", "print options and commands", false, run_help },
	{ "core", "receive a core dump from the kernel", true, run_core },
};

static void usage(FILE *out)
{
	fprintf(out, "Usage: portod [OPTION]... [COMMAND]\n\nOptions:\n"
		     "  --config FILE  read only this configuration file\n"
		     "  --check        check the configuration and exit\n"
		     "  --stdlog       log to standard error\n"
		     "  --verbose      log clients and what they read\n"
		     "  --debug        log everything\n"
		     "  --norespawn    end with the server instead of starting it again\n"
		     "  --timeout SEC  of stop and its kin\n"
		     "  -h, --help     this text\n"
		     "  -v, --version  version\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		fprintf(out, "  %-14s %s\n", commands[i].name, commands[i].help);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int load_config(const struct options *opt, struct config **ret)
{
	struct error err = ERROR_INIT;
	char text[ERROR_MESSAGE_MAX];
	int rc = opt->config_file ? config_load_file(opt->config_file, ret, &err)
				  : config_load_system("", ret, &err);

	if (rc)
		fprintf(stderr, "portod: %s\n", error_message(&err, text, sizeof(text)));
	return rc;
}

static int run(struct options *opt, const char *name, bool check, char **argv)
{
	const struct command *cmd = find_command(name);
	struct config *config = NULL;
	int rc;

	if (!cmd) {
		fprintf(stderr, "portod: unknown command '%s'\n", name);
		usage(stderr);
		return 1;
	}
	if ((cmd->needs_config || check) && load_config(opt, &config))
		return 1;
	rc = check ? 0 : cmd->run(opt, config, argv);
	config_free(config);
	return rc;
}

int main(int argc, char **argv)
{
	enum {
		OPT_CONFIG = 256,
		OPT_CHECK,
		OPT_STDLOG,
		OPT_VERBOSE,
		OPT_DEBUG,
		OPT_NORESPAWN,
		OPT_TIMEOUT
	};
	static const struct option longopts[] = {
		{ "config", required_argument, NULL, OPT_CONFIG },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "stdlog", no_argument, NULL, OPT_STDLOG },
		{ "verbose", no_argument, NULL, OPT_VERBOSE },
		{ "debug", no_argument, NULL, OPT_DEBUG },
		{ "norespawn", no_argument, NULL, OPT_NORESPAWN },
		{ "timeout", required_argument, NULL, OPT_TIMEOUT },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	struct options opt = { .timeout_s = -1 };
	bool check = false;
	uint64_t seconds;
	int c;

	while ((c = getopt_long(argc, argv, "+hv", longopts, NULL)) != -1) {
		switch (c) {
		case OPT_CONFIG:
			opt.config_file = optarg;
			break;
		case OPT_CHECK:
			check = true;
			break;
		case OPT_STDLOG:
			opt.stdlog = true;
			break;
		case OPT_VERBOSE:
			opt.verbose = true;
			break;
		case OPT_DEBUG:
			opt.debug = true;
			break;
		case OPT_NORESPAWN:
			opt.norespawn = true;
			break;
		case OPT_TIMEOUT:
			if (num_parse_u64(optarg, &seconds) || seconds > 86400) {
				fprintf(stderr, "portod: --timeout %s: not a number of seconds\n",
					optarg);
				return 1;
			}
			opt.timeout_s = (int)seconds;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'v':
			return run_version(&opt, NULL, argv);
		default:
			usage(stderr);
			return 1;
		}
	}
	opt.args = argv + (optind < argc ? optind + 1 : argc);
	return run(&opt, optind < argc ? argv[optind] : "daemon", check, argv);
}
