// Package account reads and changes the four texts in which a machine keeps its
// users and groups: passwd, shadow, group and gshadow.
//
// It is pure: texts come in and texts go out, and every line that it does not
// understand stays as it is. It knows no files, no locks and no configuration.
package account
