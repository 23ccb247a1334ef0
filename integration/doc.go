// Package integration holds black-box tests: they start machines with
// rosmachine and do with them what a user does, by the command line, SSH and
// Docker. It knows what a user can see, and must not import any other package
// of the project.
//
// The tests are behind the build tag integration, and run against the image in
// the folder that the environment variable ROS_BUILD names, ../build without
// it. KEEP=1 leaves the machines of failed tests running.
package integration
