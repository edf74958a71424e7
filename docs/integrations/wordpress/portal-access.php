<?php
/**
 * Plugin Name:       Portal Access
 * Description:       Opens pages, passages and roles to those whose subscription gives access to them, and sends people to their subscriptions.
 * Version:           1.0.0
 * Requires at least: 6.0
 * Requires PHP:      7.4
 * License:           GPL-2.0-or-later
 * License URI:       https://www.gnu.org/licenses/gpl-2.0.html
 * Text Domain:       portal-access
 *
 * This program is free software; you can redistribute it and/or modify it under the terms of the GNU General Public
 * License as published by the Free Software Foundation; either version 2 of the License, or (at your option) any later
 * version. It is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
 * warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.
 *
 * Who is who: a user of this site is the customer whose id of your own, at the portal, is a prefix and the user's number
 * (`wp-17`). A record that was found by its e-mail address opens contents and nothing else: portal sessions, in which
 * subscriptions can be ended, are asked for by that id alone.
 *
 * @package PortalAccess
 */

namespace PortalAccess;

defined( 'ABSPATH' ) || exit;

const OPTION   = 'portal_access';           // what the settings page shows.
const SECRETS  = 'portal_access_secrets';   // an array, so that no page of WordPress prints it.
const TROUBLE  = 'portal_access_trouble';   // what the portal refused last, for the settings page.
const CLEARED  = 'portal_access_cleared';   // a number in the name of every cached answer.
const PRODUCT  = '_portal_access_product';  // of a page: what opens it.
const FOUND    = 'portal_access_found';     // of a user: the customer with their e-mail address, for reading only.
const GIVEN    = 'portal_access_roles';     // of a user: the roles that this plugin gave.
const KEPT     = 60;                        // seconds that an answer is kept.
const RESTED   = 15;                        // seconds without a question after one that was not answered.
const TIMEOUT  = 4;                         // seconds that a page waits for the portal.
const TOLERANCE = 300;                      // seconds that an event's clock and ours may differ.
const LARGEST  = 262144;                    // bytes of an event.
const MOST     = 200;                       // users whose roles are looked at in one go.
const NEVER    = array( 'manage_options', 'edit_users', 'promote_users', 'install_plugins', 'edit_plugins', 'unfiltered_html', 'edit_others_posts' );

// ---------------------------------------------------------------------------------------------------------- settings

/** Return the settings, whole. */
function settings() {
	$defaults = array(
		'address'  => '',
		'merchant' => '',
		'prefix'   => 'wp-',
		'unknown'  => 'closed',
		'by_email' => false,
		'roles'    => array(),
	);
	return array_merge( $defaults, (array) get_option( OPTION, array() ) );
}

/** Return a secret: `key` of the API or `signing` of the events; a constant in wp-config.php comes first. */
function secret( $name ) {
	$constant = 'key' === $name ? 'PORTAL_ACCESS_KEY' : 'PORTAL_ACCESS_SIGNING_SECRET';
	if ( defined( $constant ) ) {
		return (string) constant( $constant );
	}
	$secrets = (array) get_option( SECRETS, array() );
	return isset( $secrets[ $name ] ) ? (string) $secrets[ $name ] : '';
}

/** Return the address of the portal without a slash at its end, '' for one that may not be called: https, or this machine. */
function clean_address( $typed ) {
	$address = untrailingslashit( esc_url_raw( trim( $typed ), array( 'https', 'http' ) ) );
	$parts   = wp_parse_url( $address );
	if ( empty( $parts['host'] ) || isset( $parts['user'] ) || isset( $parts['query'] ) || isset( $parts['fragment'] ) ) {
		return '';
	}
	$is_here = in_array( $parts['host'], array( 'localhost', '127.0.0.1', '[::1]' ), true );
	return 'https' === $parts['scheme'] || $is_here ? $address : '';
}

/** Return the address at which customers log in by themselves; '' before the settings are made. */
function account_address() {
	$set = settings();
	return '' === $set['address'] || '' === $set['merchant'] ? '' : $set['address'] . '/account/' . rawurlencode( $set['merchant'] ) . '/';
}

/** Return the roles that may be given for a subscription: none that governs the site or other people's texts. */
function harmless_roles() {
	$found = array();
	foreach ( wp_roles()->roles as $role => $about ) {
		if ( ! array_intersect( NEVER, array_keys( array_filter( $about['capabilities'] ) ) ) ) {
			$found[ $role ] = translate_user_role( $about['name'] );
		}
	}
	return $found;
}

// -------------------------------------------------------------------------------------------------------- the portal

/**
 * Call the portal. Returns array( status, body ); status 0: it was not reached, or said nothing that can be read.
 */
function call( $method, $path, $body = null, $headers = array() ) {
	$address = settings()['address'];
	if ( '' === $address || '' === secret( 'key' ) ) {
		return array( 0, null );
	}
	$request = array(
		'method'              => $method,
		'timeout'             => TIMEOUT,
		'redirection'         => 0,
		'limit_response_size' => 1048576,
		'headers'             => array_merge( $headers, array( 'Authorization' => 'Bearer ' . secret( 'key' ), 'Accept' => 'application/json' ) ),
	);
	if ( null !== $body ) {
		$request['headers']['Content-Type'] = 'application/json';
		$request['body']                    = wp_json_encode( $body );
	}
	$answer = wp_remote_request( $address . '/v1' . $path, $request );
	if ( is_wp_error( $answer ) ) {
		note_trouble( 0, $method . ' ' . $path );
		return array( 0, null );
	}
	$status = (int) wp_remote_retrieve_response_code( $answer );
	$read   = json_decode( wp_remote_retrieve_body( $answer ), true );
	if ( $status >= 400 && 404 !== $status ) {
		note_trouble( $status, $method . ' ' . $path );
	}
	return is_array( $read ) ? array( $status, $read ) : array( 0, null );
}

/** Keep what went wrong last, without the question mark and what follows: it may name somebody. */
function note_trouble( $status, $what ) {
	update_option( TROUBLE, array( 'status' => $status, 'what' => strtok( $what, '?' ), 'at' => time() ), false );
}

/** Return the user's id at the portal. */
function name_of( $user_id ) {
	return settings()['prefix'] . (int) $user_id;
}

/**
 * Say whether a user may open a product: 'yes', 'no', or 'unknown' while the portal does not say.
 * An answer is kept for 60 seconds.
 */
function access( $user_id, $product ) {
	if ( ! $user_id || '' === $product ) {
		return 'no';
	}
	$name = cache_name( $user_id, $product );
	$kept = get_transient( $name );
	if ( in_array( $kept, array( 'yes', 'no' ), true ) ) {
		return $kept;
	}
	if ( get_transient( 'portal_access_rests' ) ) {
		return 'unknown';
	}
	$said = asked( $user_id, $product );
	if ( 'unknown' === $said ) {
		set_transient( 'portal_access_rests', 1, RESTED ); // no page after this one waits.
	} else {
		set_transient( $name, $said, KEPT );
	}
	return $said;
}

/** Ask the portal: by the customer that was found for reading, else by the user's own id, else by looking once. */
function asked( $user_id, $product ) {
	$found = settings()['by_email'] ? (string) get_user_meta( $user_id, FOUND, true ) : '';
	foreach ( array( name_of( $user_id ), $found ) as $customer ) {
		$said = '' === $customer ? 'nobody' : asked_of( $customer, $product );
		if ( 'nobody' !== $said ) {
			return $said;
		}
	}
	if ( '' !== $found ) {
		delete_user_meta( $user_id, FOUND ); // merged or erased meanwhile: looked for again.
	}
	$customer = looked_for( $user_id );
	if ( null === $customer ) {
		return 'unknown';
	}
	$said = '' === $customer ? 'no' : asked_of( $customer, $product );
	return 'nobody' === $said ? 'no' : $said;
}

/** Return 'yes', 'no', 'unknown', or 'nobody' when no such customer or product is known. */
function asked_of( $customer, $product ) {
	list( $status, $body ) = call( 'GET', '/access?' . http_build_query( array( 'customer' => $customer, 'product' => $product ) ) );
	if ( 404 === $status && isset( $body['code'] ) && 'not-found' === $body['code'] ) {
		return 'nobody';
	}
	if ( 422 === $status ) {
		return 'no'; // nothing is called that.
	}
	if ( 200 !== $status || ! isset( $body['allowed'] ) || ! is_bool( $body['allowed'] ) ) {
		return 'unknown';
	}
	return $body['allowed'] ? 'yes' : 'no';
}

/**
 * Look the user's e-mail address up once, for reading: return the one customer who has it and no id of ours yet,
 * '' when there is none or more than one (asked again after an hour), null when the portal does not say.
 */
function looked_for( $user_id ) {
	$user = get_userdata( $user_id );
	if ( ! settings()['by_email'] || ! $user || get_transient( 'portal_access_nobody_' . (int) $user_id ) ) {
		return '';
	}
	list( $status, $body ) = call( 'POST', '/customers/search', array( 'email' => $user->user_email ) );
	if ( 422 === $status ) {
		return '';
	}
	if ( 200 !== $status || ! isset( $body['data'] ) || ! is_array( $body['data'] ) ) {
		return null;
	}
	$free = 1 === count( $body['data'] ) && empty( $body['data'][0]['external_id'] );
	if ( ! $free || empty( $body['data'][0]['id'] ) ) {
		set_transient( 'portal_access_nobody_' . (int) $user_id, 1, HOUR_IN_SECONDS );
		return '';
	}
	update_user_meta( $user_id, FOUND, sanitize_text_field( $body['data'][0]['id'] ) );
	return (string) $body['data'][0]['id'];
}

/** Return the name of a cached answer; an event or a change of the settings gives all of them new names. */
function cache_name( $user_id, $product ) {
	return 'portal_access_' . md5( wp_json_encode( array( get_option( CLEARED, '' ), (int) $user_id, $product ) ) );
}

/** Forget every answer; say whether that is kept. */
function clear_cache() {
	delete_transient( 'portal_access_rests' );
	return update_option( CLEARED, wp_generate_uuid4(), true );
}

/** Say whether what a product opens is shown to whoever reads this page now. */
function is_open( $product ) {
	$user_id = get_current_user_id();
	$said    = access( $user_id, $product );
	if ( 'unknown' === $said ) {
		return $user_id > 0 && 'open' === settings()['unknown'];
	}
	return 'yes' === $said;
}

// Another address is another person until it is looked up again.
add_action(
	'profile_update',
	function ( $user_id, $before ) {
		$user = get_userdata( $user_id );
		if ( $user && $user->user_email !== $before->user_email ) {
			delete_user_meta( $user_id, FOUND );
			delete_transient( 'portal_access_nobody_' . (int) $user_id );
			clear_cache();
		}
	},
	10,
	2
);

// ------------------------------------------------------------------------------------------------- what people read

/** Return the sentence for somebody to whom it is closed, with the way on. */
function closed_words() {
	if ( ! is_user_logged_in() ) {
		$here = get_permalink();
		$way  = '<a href="' . esc_url( wp_login_url( $here ? $here : home_url( '/' ) ) ) . '">' . esc_html__( 'Log in', 'portal-access' ) . '</a>';
		$says = __( 'This content is part of a subscription. Log in to read it.', 'portal-access' );
	} else {
		$way  = subscriptions_link();
		$says = __( 'This content is part of a subscription that is not open to you at the moment.', 'portal-access' );
	}
	return '<div class="portal-access-closed"><p>' . esc_html( $says ) . '</p>' . $way . '</div>';
}

/** Return the way to the subscriptions: a button that opens a session for who is logged in, else a plain link. */
function subscriptions_link( $label = '' ) {
	$label = '' === $label ? __( 'My subscriptions', 'portal-access' ) : $label;
	if ( '' === account_address() ) {
		return '';
	}
	if ( ! is_user_logged_in() ) {
		return '<p class="portal-access-link"><a href="' . esc_url( account_address() ) . '">' . esc_html( $label ) . '</a></p>';
	}
	$here = get_permalink();
	return '<form class="portal-access-link" method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '">'
		. '<input type="hidden" name="action" value="portal_access_session">'
		. '<input type="hidden" name="back" value="' . esc_url( $here ? $here : home_url( '/' ) ) . '">'
		. wp_nonce_field( 'portal_access_session', 'portal_access_nonce', false, false )
		. '<button type="submit" class="wp-element-button button">' . esc_html( $label ) . '</button></form>';
}

/** Keep a page that is not the same for everybody out of every cache. */
function keep_out_of_caches() {
	if ( ! defined( 'DONOTCACHEPAGE' ) ) {
		define( 'DONOTCACHEPAGE', true );
	}
	nocache_headers();
}

add_action(
	'template_redirect',
	function () {
		$post = is_singular() ? get_queried_object() : null;
		if ( $post instanceof \WP_Post && ( '' !== product_of( $post->ID ) || has_shortcode( $post->post_content, 'portal_access' )
			|| has_shortcode( $post->post_content, 'portal_subscriptions' ) || has_block( 'portal-access/my-subscriptions', $post ) ) ) {
			keep_out_of_caches();
		}
	}
);

// Makes a portal session, and sends the browser there. Whoever the portal does not know by our id logs in there by code.
function send_to_session() {
	nocache_headers();
	$account = account_address();
	if ( '' === $account ) {
		wp_safe_redirect( home_url( '/' ), 303 );
		exit;
	}
	$nonce = isset( $_POST['portal_access_nonce'] ) ? sanitize_text_field( wp_unslash( $_POST['portal_access_nonce'] ) ) : '';
	$there = wp_verify_nonce( $nonce, 'portal_access_session' ) ? session_address() : '';
	wp_redirect( '' === $there ? $account : $there, 303 ); // phpcs:ignore WordPress.Security.SafeRedirect -- the portal's own address.
	exit;
}
add_action( 'admin_post_portal_access_session', __NAMESPACE__ . '\send_to_session' );
add_action( 'admin_post_nopriv_portal_access_session', __NAMESPACE__ . '\send_to_session' );

/** Return the address of a new session of who is logged in; '' when there is none to be had. */
function session_address() {
	if ( ! is_user_logged_in() ) {
		return '';
	}
	// phpcs:ignore WordPress.Security.NonceVerification -- checked by the caller.
	$back = isset( $_POST['back'] ) ? esc_url_raw( wp_unslash( $_POST['back'] ) ) : '';
	$back = false === strpos( $back, '%' ) ? $back : home_url( '/' ); // the portal leads back to no encoded letters.
	$wish = array(
		'customer'   => name_of( get_current_user_id() ), // never one that was found by its address.
		'return_url' => wp_validate_redirect( $back, home_url( '/' ) ),
		'flow'       => array( 'type' => 'none' ),
	);
	$language = substr( get_user_locale(), 0, 2 );
	if ( in_array( $language, array( 'fr', 'en' ), true ) ) {
		$wish['locale'] = $language;
	}
	list( $status, $body ) = call( 'POST', '/portal_sessions', $wish, array( 'Idempotency-Key' => wp_generate_uuid4() ) );
	$url = 201 === $status && isset( $body['url'] ) ? esc_url_raw( $body['url'], array( 'https', 'http' ) ) : '';
	// Only what the portal itself serves, at the same address or under the merchant's own name there.
	return preg_match( '#^https://#', $url ) || 0 === strpos( $url, settings()['address'] . '/' ) ? $url : '';
}

add_shortcode(
	'portal_subscriptions',
	function ( $attributes ) {
		$attributes = shortcode_atts( array( 'label' => '' ), $attributes, 'portal_subscriptions' );
		return subscriptions_link( sanitize_text_field( $attributes['label'] ) );
	}
);

add_shortcode(
	'portal_access',
	function ( $attributes, $content = '' ) {
		$attributes = shortcode_atts( array( 'product' => '' ), $attributes, 'portal_access' );
		return is_open( sanitize_text_field( $attributes['product'] ) ) ? do_shortcode( (string) $content ) : closed_words();
	}
);

add_action(
	'init',
	function () {
		wp_register_script( 'portal-access-block', '', array( 'wp-blocks', 'wp-element', 'wp-block-editor' ), '1.0.0', true );
		wp_add_inline_script(
			'portal-access-block',
			'wp.blocks.registerBlockType("portal-access/my-subscriptions",{apiVersion:2,category:"widgets",icon:"id",title:' . wp_json_encode( __( 'My subscriptions', 'portal-access' ) )
			. ',edit:function(){return wp.element.createElement("p",wp.blockEditor.useBlockProps(),' . wp_json_encode( __( 'My subscriptions', 'portal-access' ) ) . ');},save:function(){return null;}});'
		);
		register_block_type(
			'portal-access/my-subscriptions',
			array(
				'api_version'     => 2,
				'editor_script'   => 'portal-access-block',
				'render_callback' => function () {
					return subscriptions_link();
				},
			)
		);
	}
);

// ------------------------------------------------------------------------------------------------------------ pages

/** Return which product opens a page, '' for one that is everybody's. */
function product_of( $post_id ) {
	return (string) get_post_meta( $post_id, PRODUCT, true );
}

// The last of all filters: nothing that another plugin adds to the text comes after it.
add_filter(
	'the_content',
	function ( $content ) {
		$product = product_of( (int) get_the_ID() );
		return '' === $product || is_open( $product ) ? $content : closed_words();
	},
	PHP_INT_MAX
);

// What was said below a closed page may tell what is in it.
add_filter(
	'comments_open',
	function ( $open, $post_id ) {
		$product = product_of( (int) $post_id );
		return $open && ( '' === $product || is_open( $product ) );
	},
	10,
	2
);
add_filter(
	'comments_array',
	function ( $comments, $post_id ) {
		$product = product_of( (int) $post_id );
		return '' === $product || is_open( $product ) ? $comments : array();
	},
	10,
	2
);

add_action(
	'add_meta_boxes',
	function () {
		$types = get_post_types( array( 'public' => true ) );
		add_meta_box( 'portal_access', __( 'Portal access', 'portal-access' ), __NAMESPACE__ . '\page_box', array_values( $types ), 'side' );
	}
);

/** Print the box of a page's editor. */
function page_box( $post ) {
	wp_nonce_field( 'portal_access_page', 'portal_access_page_nonce' );
	echo '<label for="portal-access-product">' . esc_html__( 'Open to whoever has access to this product', 'portal-access' ) . '</label>';
	product_field( 'portal_access_product', 'portal-access-product', product_of( $post->ID ) );
	echo '<p>' . esc_html__( 'Its id at the portal (prod_…) or your own. Left empty, the page is open to everybody.', 'portal-access' ) . '</p>';
}

/** Print a field for a product's id. */
function product_field( $name, $id, $value ) {
	printf( '<input type="text" class="widefat code" maxlength="128" name="%s" id="%s" value="%s" spellcheck="false">', esc_attr( $name ), esc_attr( $id ), esc_attr( $value ) );
}

add_action(
	'save_post',
	function ( $post_id ) {
		$nonce = isset( $_POST['portal_access_page_nonce'] ) ? sanitize_text_field( wp_unslash( $_POST['portal_access_page_nonce'] ) ) : '';
		if ( wp_is_post_revision( $post_id ) || ( defined( 'DOING_AUTOSAVE' ) && DOING_AUTOSAVE ) || ! wp_verify_nonce( $nonce, 'portal_access_page' )
			|| ! current_user_can( 'edit_post', $post_id ) || ! isset( $_POST['portal_access_product'] ) ) {
			return;
		}
		$product = sanitize_text_field( wp_unslash( $_POST['portal_access_product'] ) );
		if ( '' === $product ) {
			delete_post_meta( $post_id, PRODUCT );
		} else {
			update_post_meta( $post_id, PRODUCT, wp_slash( $product ) );
		}
	}
);

// ------------------------------------------------------------------------------------------------------------ roles

/** Give and take a user's roles as the portal says; what it does not say now stays as it is. */
function sync_roles( $user_id ) {
	$user  = get_userdata( $user_id );
	$given = (array) get_user_meta( $user_id, GIVEN, true );
	$given = array_filter( $given, 'is_string' );
	$given = array_values( array_filter( $given ) );
	$rules = settings()['roles'];
	if ( ! $user || ( ! $rules && ! $given ) ) {
		return;
	}
	$said = array_fill_keys( $given, 'no' ); // a role whose line was taken out of the table is taken back.
	foreach ( $rules as $rule ) {
		$one  = access( $user_id, $rule['product'] );
		$role = $rule['role'];
		if ( ! isset( $said[ $role ] ) || 'yes' === $one || ( 'unknown' === $one && 'no' === $said[ $role ] ) ) {
			$said[ $role ] = $one;
		}
	}
	$harmless = harmless_roles();
	foreach ( $said as $role => $one ) {
		$has = in_array( $role, (array) $user->roles, true );
		if ( 'yes' === $one && ! $has && isset( $harmless[ $role ] ) ) {
			$user->add_role( $role );
			$given[] = $role;
		} elseif ( 'no' === $one && in_array( $role, $given, true ) ) { // one that was given by hand is kept.
			$user->remove_role( $role );
			$given = array_diff( $given, array( $role ) );
		}
	}
	update_user_meta( $user_id, GIVEN, array_values( array_unique( $given ) ) );
}

// With every page of theirs, from the cache.
add_action(
	'init',
	function () {
		if ( is_user_logged_in() && settings()['roles'] ) {
			sync_roles( get_current_user_id() );
		}
	},
	20
);

// After an event, and every hour: whoever has a role from here and has not come by.
add_action(
	'portal_access_roles',
	function () {
		$users = get_users(
			array(
				'meta_key'     => GIVEN, // phpcs:ignore WordPress.DB.SlowDBQuery -- once an hour.
				'meta_value'   => 'a:0:{}', // phpcs:ignore WordPress.DB.SlowDBQuery
				'meta_compare' => '!=',
				'fields'       => 'ID',
				'number'       => MOST,
				'orderby'      => 'rand',
			)
		);
		array_map( __NAMESPACE__ . '\sync_roles', array_map( 'intval', $users ) );
	}
);
register_activation_hook(
	__FILE__,
	function () {
		if ( ! wp_next_scheduled( 'portal_access_roles' ) ) {
			wp_schedule_event( time() + HOUR_IN_SECONDS, 'hourly', 'portal_access_roles' );
		}
	}
);
register_deactivation_hook(
	__FILE__,
	function () {
		wp_clear_scheduled_hook( 'portal_access_roles' );
	}
);
register_uninstall_hook( __FILE__, __NAMESPACE__ . '\forget_everything' );

/** Leave nothing behind but the marks on the pages: without them they would be everybody's when it comes back. */
function forget_everything() {
	foreach ( get_users( array( 'meta_key' => GIVEN, 'fields' => 'ID' ) ) as $user_id ) { // phpcs:ignore WordPress.DB.SlowDBQuery -- once.
		array_map( array( get_userdata( $user_id ), 'remove_role' ), array_filter( (array) get_user_meta( $user_id, GIVEN, true ), 'is_string' ) );
	}
	array_map( 'delete_option', array( OPTION, SECRETS, TROUBLE, CLEARED ) );
	delete_metadata( 'user', 0, FOUND, '', true );
	delete_metadata( 'user', 0, GIVEN, '', true );
}

// ----------------------------------------------------------------------------------------------------------- events

add_action(
	'rest_api_init',
	function () {
		register_rest_route(
			'portal/v1',
			'/events',
			array(
				'methods'             => 'POST',
				'callback'            => __NAMESPACE__ . '\receive',
				'permission_callback' => '__return_true', // the signature says who it is.
			)
		);
	}
);

/** Take an event: a true one, once, clears what was answered before. Its content is not believed, but asked for again. */
function receive( \WP_REST_Request $request ) {
	$id   = (string) $request->get_header( 'webhook_id' );
	$at   = (string) $request->get_header( 'webhook_timestamp' );
	$body = (string) $request->get_body();
	if ( strlen( $body ) > LARGEST ) {
		return new \WP_Error( 'portal_access_large', __( 'The event is too large.', 'portal-access' ), array( 'status' => 413 ) );
	}
	if ( ! is_signed( secret( 'signing' ), $id, $at, $body, (string) $request->get_header( 'webhook_signature' ), time() ) ) {
		return new \WP_Error( 'portal_access_forged', __( 'The signature is not right.', 'portal-access' ), array( 'status' => 401 ) );
	}
	$seen = 'portal_access_event_' . md5( $id );
	if ( ! get_transient( $seen ) ) {
		if ( ! clear_cache() ) {
			// The database did not write it (a deadlock, a full disk): the portal tries again later.
			return new \WP_Error( 'portal_access_kept', __( 'The event could not be kept.', 'portal-access' ), array( 'status' => 503 ) );
		}
		set_transient( $seen, 1, 2 * TOLERANCE );
		if ( ! wp_next_scheduled( 'portal_access_roles', array( 'event' ) ) ) {
			wp_schedule_single_event( time(), 'portal_access_roles', array( 'event' ) );
		}
	}
	return new \WP_REST_Response( null, 204 );
}

/** Say whether a message is signed as Standard Webhooks 1.0.0 has it, with this secret, within five minutes of $now. */
function is_signed( $secret, $id, $at, $body, $signatures, $now ) {
	$key = base64_decode( preg_replace( '/^whsec_/', '', $secret ), true ); // phpcs:ignore -- the form of the key.
	if ( '' === $secret || false === $key || strlen( $key ) < 16 || '' === $id || ! preg_match( '/^\d{1,12}$/', $at ) || abs( $now - (int) $at ) > TOLERANCE ) {
		return false;
	}
	$right = base64_encode( hash_hmac( 'sha256', $id . '.' . $at . '.' . $body, $key, true ) ); // phpcs:ignore -- as above.
	$found = false;
	foreach ( explode( ' ', $signatures ) as $one ) {
		$found = hash_equals( 'v1,' . $right, $one ) || $found;
	}
	return $found;
}

// ---------------------------------------------------------------------------------------------------- settings page

add_action(
	'admin_menu',
	function () {
		add_options_page( __( 'Portal access', 'portal-access' ), __( 'Portal access', 'portal-access' ), 'manage_options', 'portal-access', __NAMESPACE__ . '\settings_page' );
	}
);

add_action( 'admin_post_portal_access_save', __NAMESPACE__ . '\save_settings' );

/** Return a field of the form that was sent, as one line of text. */
function sent( $name ) {
	// phpcs:ignore WordPress.Security.NonceVerification -- checked by the callers.
	return isset( $_POST[ $name ] ) && is_string( $_POST[ $name ] ) ? sanitize_text_field( wp_unslash( $_POST[ $name ] ) ) : '';
}

/** Save what can be saved, and go back to the page with what cannot. */
function save_settings() {
	if ( ! current_user_can( 'manage_options' ) ) {
		wp_die( esc_html__( 'You may not change these settings.', 'portal-access' ), '', array( 'response' => 403 ) );
	}
	check_admin_referer( 'portal_access_save' );
	$wrong   = array();
	$set     = settings();
	$address = clean_address( sent( 'address' ) );
	if ( '' === $address ) {
		$wrong[] = 'address';
	} else {
		$set['address'] = $address;
	}
	if ( preg_match( '/^[a-z0-9][a-z0-9-]{0,62}$/', sent( 'merchant' ) ) ) {
		$set['merchant'] = sent( 'merchant' );
	} else {
		$wrong[] = 'merchant';
	}
	if ( preg_match( '/^(?!cus_)[A-Za-z0-9._-]{1,40}$/', sent( 'prefix' ) ) ) {
		$set['prefix'] = sent( 'prefix' );
	} else {
		$wrong[] = 'prefix';
	}
	$set['unknown']  = 'open' === sent( 'unknown' ) ? 'open' : 'closed';
	$set['by_email'] = '1' === sent( 'by_email' );
	$set['roles']    = sent_roles();
	update_option( OPTION, $set, true );
	$wrong = array_merge( $wrong, save_secrets() );
	delete_option( TROUBLE );
	clear_cache();
	wp_safe_redirect( add_query_arg( array( 'page' => 'portal-access', 'saved' => $wrong ? '' : '1', 'error' => implode( ',', $wrong ) ), admin_url( 'options-general.php' ) ), 303 );
	exit;
}

/** Return the lines of the table that have a product and a role that may be given. */
function sent_roles() {
	$roles    = array();
	$harmless = harmless_roles();
	// phpcs:disable WordPress.Security.NonceVerification, WordPress.Security.ValidatedSanitizedInput -- by the caller; below.
	$products = isset( $_POST['product'] ) ? (array) wp_unslash( $_POST['product'] ) : array();
	$names    = isset( $_POST['role'] ) ? (array) wp_unslash( $_POST['role'] ) : array();
	// phpcs:enable
	foreach ( $products as $line => $product ) {
		$product = is_string( $product ) ? sanitize_text_field( $product ) : '';
		$role    = isset( $names[ $line ] ) && is_string( $names[ $line ] ) ? sanitize_key( $names[ $line ] ) : '';
		if ( '' !== $product && isset( $harmless[ $role ] ) ) {
			$roles[] = array( 'product' => $product, 'role' => $role );
		}
	}
	return $roles;
}

/** Keep the secrets that were typed; an empty field leaves the one that is there. Returns which are wrong. */
function save_secrets() {
	$wrong   = array();
	$secrets = (array) get_option( SECRETS, array() );
	$forms   = array( 'key' => '/^psk_(live|test)_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$/', 'signing' => '/^whsec_[A-Za-z0-9+\/]{20,}={0,2}$/' );
	foreach ( $forms as $name => $form ) {
		if ( '1' === sent( 'forget_' . $name ) ) {
			unset( $secrets[ $name ] );
		} elseif ( '' !== sent( $name ) && preg_match( $form, sent( $name ) ) ) {
			$secrets[ $name ] = sent( $name );
		} elseif ( '' !== sent( $name ) ) {
			$wrong[] = $name;
		}
	}
	update_option( SECRETS, $secrets, false );
	return $wrong;
}

/** Return what to say of a field that could not be saved. */
function wrong_words() {
	return array(
		'address'  => __( 'The portal’s address begins with https:// and has nothing after the name. The former one was kept.', 'portal-access' ),
		'merchant' => __( 'The shop’s name is the part of its address after /account/: small letters, digits and hyphens. The former one was kept.', 'portal-access' ),
		'prefix'   => __( 'The prefix has 1 to 40 letters, digits, dots, hyphens or underscores, and does not begin with cus_. The former one was kept.', 'portal-access' ),
		'key'      => __( 'An API key begins with psk_live_ or psk_test_: copy it whole. The former one was kept.', 'portal-access' ),
		'signing'  => __( 'A signing secret begins with whsec_: copy it whole. The former one was kept.', 'portal-access' ),
	);
}

/** Print the settings page. */
function settings_page() {
	if ( ! current_user_can( 'manage_options' ) ) {
		return;
	}
	echo '<div class="wrap"><h1>' . esc_html__( 'Portal access', 'portal-access' ) . '</h1>';
	print_notices();
	echo '<form method="post" action="' . esc_url( admin_url( 'admin-post.php' ) ) . '"><input type="hidden" name="action" value="portal_access_save">';
	wp_nonce_field( 'portal_access_save' );
	echo '<table class="form-table" role="presentation">';
	$set = settings();
	text_row( 'address', __( 'Address of the portal', 'portal-access' ), $set['address'], __( 'For example https://portal.example', 'portal-access' ) );
	text_row( 'merchant', __( 'Shop', 'portal-access' ), $set['merchant'], __( 'The part of your customers’ address after /account/.', 'portal-access' ) );
	secret_row( 'key', __( 'API key', 'portal-access' ), __( 'With the scopes access:read, customers:read, customers:write and sessions:write.', 'portal-access' ) );
	/* translators: %s: the address of this site that receives events. */
	secret_row( 'signing', __( 'Signing secret of the events', 'portal-access' ), sprintf( __( 'Events go to %s', 'portal-access' ), rest_url( 'portal/v1/events' ) ) );
	text_row( 'prefix', __( 'Prefix of the users’ ids', 'portal-access' ), $set['prefix'], __( 'User 17 of this site is the customer whose id of your own is wp-17. Another site of yours needs another prefix.', 'portal-access' ) );
	choice_rows( $set );
	echo '</table>';
	print_roles( $set['roles'] );
	submit_button( __( 'Save', 'portal-access' ) );
	echo '</form></div>';
}

/** Print what was saved, what was not, and what the portal refused last. */
function print_notices() {
	// phpcs:disable WordPress.Security.NonceVerification -- only words of our own are shown.
	if ( ! empty( $_GET['saved'] ) ) {
		notice( 'success', __( 'Saved.', 'portal-access' ) );
	}
	$wrong = isset( $_GET['error'] ) && is_string( $_GET['error'] ) ? explode( ',', sanitize_text_field( wp_unslash( $_GET['error'] ) ) ) : array();
	// phpcs:enable
	foreach ( array_intersect_key( wrong_words(), array_flip( $wrong ) ) as $words ) {
		notice( 'error', $words );
	}
	list( $status, $body ) = '' === secret( 'key' ) ? array( null, null ) : call( 'GET', '/key' );
	if ( 200 === $status ) {
		notice( 'info', __( 'The portal answers, and knows this key.', 'portal-access' ) );
	} elseif ( 401 === $status ) {
		notice( 'error', __( 'The portal does not know this API key (any more).', 'portal-access' ) );
	} elseif ( null !== $status ) {
		notice( 'error', __( 'The portal does not answer at this address.', 'portal-access' ) );
	}
	$trouble = get_option( TROUBLE );
	if ( is_array( $trouble ) ) {
		/* translators: 1: a call, 2: a status such as 403, 3: a date. */
		$words = __( 'Last trouble: %1$s was answered with %2$s (%3$s). 0 means: not reached.', 'portal-access' );
		notice( 'warning', sprintf( $words, $trouble['what'], $trouble['status'], wp_date( get_option( 'date_format' ) . ' ' . get_option( 'time_format' ), $trouble['at'] ) ) );
	}
}

/** Print one notice. */
function notice( $kind, $words ) {
	printf( '<div class="notice notice-%s"><p>%s</p></div>', esc_attr( $kind ), esc_html( $words ) );
}

/** Print a field of the settings. */
function text_row( $name, $label, $value, $help ) {
	printf(
		'<tr><th scope="row"><label for="portal-%1$s">%2$s</label></th><td><input type="text" class="regular-text" name="%1$s" id="portal-%1$s" value="%3$s" aria-describedby="portal-%1$s-help" spellcheck="false"><p class="description" id="portal-%1$s-help">%4$s</p></td></tr>',
		esc_attr( $name ),
		esc_html( $label ),
		esc_attr( $value ),
		esc_html( $help )
	);
}

/** Print the field of a secret: what is kept is never in it. */
function secret_row( $name, $label, $help ) {
	$stands = '' === secret( $name ) ? __( 'None is kept.', 'portal-access' ) : __( 'One is kept, and never shown. Leave this empty to keep it.', 'portal-access' );
	printf(
		'<tr><th scope="row"><label for="portal-%1$s">%2$s</label></th><td><input type="password" class="regular-text" name="%1$s" id="portal-%1$s" value="" autocomplete="new-password" aria-describedby="portal-%1$s-help"><p class="description" id="portal-%1$s-help">%3$s %4$s</p><label><input type="checkbox" name="forget_%1$s" value="1"> %5$s</label></td></tr>',
		esc_attr( $name ),
		esc_html( $label ),
		esc_html( $stands ),
		esc_html( $help ),
		esc_html__( 'Forget it', 'portal-access' )
	);
}

/** Print what is chosen. */
function choice_rows( $set ) {
	echo '<tr><th scope="row">' . esc_html__( 'While the portal does not answer', 'portal-access' ) . '</th><td><fieldset><legend class="screen-reader-text">' . esc_html__( 'While the portal does not answer', 'portal-access' ) . '</legend>';
	$choices = array(
		'closed' => __( 'keep closed what it has to open', 'portal-access' ),
		'open'   => __( 'open it to everybody who is logged in', 'portal-access' ),
	);
	foreach ( $choices as $value => $words ) {
		printf( '<p><label><input type="radio" name="unknown" value="%s" %s> %s</label></p>', esc_attr( $value ), checked( $set['unknown'], $value, false ), esc_html( $words ) );
	}
	echo '</fieldset></td></tr><tr><th scope="row">' . esc_html__( 'E-mail addresses', 'portal-access' ) . '</th><td>';
	printf( '<label><input type="checkbox" name="by_email" value="1" %s> %s</label>', checked( $set['by_email'], true, false ), esc_html__( 'Look a user who has no id at the portal up by their e-mail address, once, to open contents and roles', 'portal-access' ) );
	echo '<p class="description">' . esc_html__( 'Only if every account of this site has confirmed its address. It never opens a portal session: for that, confirm the customer in the user’s profile.', 'portal-access' ) . '</p></td></tr>';
}

/** Print the table of roles, with two empty lines. */
function print_roles( $rules ) {
	echo '<h2>' . esc_html__( 'Roles', 'portal-access' ) . '</h2><p>' . esc_html__( 'A role is given when access to the product opens, and taken when it closes. Empty a line to remove it.', 'portal-access' ) . '</p>';
	echo '<table class="widefat striped"><thead><tr><th scope="col">' . esc_html__( 'Product', 'portal-access' ) . '</th><th scope="col">' . esc_html__( 'Role', 'portal-access' ) . '</th></tr></thead><tbody>';
	$empty = array( 'product' => '', 'role' => '' );
	foreach ( array_merge( $rules, array( $empty, $empty ) ) as $line => $rule ) {
		/* translators: %d: the number of a line. */
		$product = sprintf( __( 'Product, line %d', 'portal-access' ), $line + 1 );
		/* translators: %d: the number of a line. */
		$role = sprintf( __( 'Role, line %d', 'portal-access' ), $line + 1 );
		printf( '<tr><td><label class="screen-reader-text" for="portal-product-%1$d">%2$s</label>', (int) $line, esc_html( $product ) );
		product_field( 'product[' . $line . ']', 'portal-product-' . $line, $rule['product'] );
		printf( '</td><td><label class="screen-reader-text" for="portal-role-%1$d">%2$s</label><select name="role[%1$d]" id="portal-role-%1$d"><option value=""></option>', (int) $line, esc_html( $role ) );
		foreach ( harmless_roles() as $name => $shown ) {
			printf( '<option value="%s" %s>%s</option>', esc_attr( $name ), selected( $rule['role'], $name, false ), esc_html( $shown ) );
		}
		echo '</select></td></tr>';
	}
	echo '</tbody></table>';
}

// ---------------------------------------------------------------------------------------------------- a user's profile

add_action( 'edit_user_profile', __NAMESPACE__ . '\profile_box' );
add_action( 'show_user_profile', __NAMESPACE__ . '\profile_box' );
add_action( 'edit_user_profile_update', __NAMESPACE__ . '\save_profile' );
add_action( 'personal_options_update', __NAMESPACE__ . '\save_profile' );

/** Print who the user is at the portal, for those who may say so. */
function profile_box( $user ) {
	if ( ! current_user_can( 'edit_users' ) ) {
		return;
	}
	$found = (string) get_user_meta( $user->ID, FOUND, true );
	echo '<h2>' . esc_html__( 'Portal access', 'portal-access' ) . '</h2>';
	wp_nonce_field( 'portal_access_profile_' . $user->ID, 'portal_access_profile_nonce' );
	/* translators: %s: an id such as wp-17. */
	echo '<p>' . esc_html( sprintf( __( 'The user’s id at the portal: %s', 'portal-access' ), name_of( $user->ID ) ) ) . '</p>';
	if ( '' !== $found ) {
		/* translators: %s: an id such as cus_0f3c. */
		echo '<p>' . esc_html( sprintf( __( 'Found by the e-mail address, for reading only: %s', 'portal-access' ), $found ) ) . '</p>';
	}
	echo '<p><label for="portal-access-customer">' . esc_html__( 'This user is the customer', 'portal-access' ) . '</label> ';
	echo '<input type="text" class="regular-text code" maxlength="60" name="portal_access_customer" id="portal-access-customer" placeholder="cus_…" spellcheck="false"></p>';
	echo '<p class="description">' . esc_html__( 'Writes the user’s id on that customer’s record. From then on the user can end that customer’s subscriptions: be sure of who they are.', 'portal-access' ) . '</p>';
	$kept = get_transient( 'portal_access_said_' . get_current_user_id() );
	if ( is_string( $kept ) ) {
		delete_transient( 'portal_access_said_' . get_current_user_id() );
		echo '<p role="status"><strong>' . esc_html( $kept ) . '</strong></p>';
	}
}

/** Write the user's id on a customer's record, if somebody who may says who it is. One that is set is not replaced. */
function save_profile( $user_id ) {
	$customer = sent( 'portal_access_customer' );
	if ( '' === $customer || ! current_user_can( 'edit_users' ) || ! current_user_can( 'edit_user', $user_id )
		|| ! wp_verify_nonce( sent( 'portal_access_profile_nonce' ), 'portal_access_profile_' . $user_id ) ) {
		return;
	}
	$status = 0;
	if ( preg_match( '/^cus_[0-9a-z]{10,50}$/', $customer ) ) {
		list( $status ) = call( 'PATCH', '/customers/' . $customer, array( 'external_id' => name_of( $user_id ), 'replace' => false ) );
	}
	if ( 200 === $status ) {
		delete_metadata( 'user', 0, FOUND, $customer, true ); // whoever has their address does not read as them any more.
		delete_user_meta( $user_id, FOUND );
		clear_cache();
	}
	$words = 200 === $status ? __( 'Done: the portal knows this user by this id.', 'portal-access' ) : __( 'Not done: there is no such customer, they have another id already, or the portal does not answer.', 'portal-access' );
	set_transient( 'portal_access_said_' . get_current_user_id(), $words, KEPT );
}

// ----------------------------------------------------------------------------------------------------------- French

add_filter(
	'gettext_portal-access',
	function ( $translated, $text ) {
		$french = french();
		return $translated === $text && 0 === strpos( determine_locale(), 'fr' ) && isset( $french[ $text ] ) ? $french[ $text ] : $translated;
	},
	10,
	2
);

/** Return the French of every text, so that one file is enough. */
function french() {
	return array(
		'Portal access' => 'Accès du portail',
		'Log in' => 'Se connecter',
		'My subscriptions' => 'Mes abonnements',
		'This content is part of a subscription. Log in to read it.' => 'Ce contenu fait partie d’un abonnement. Connectez-vous pour le lire.',
		'This content is part of a subscription that is not open to you at the moment.' => 'Ce contenu fait partie d’un abonnement auquel vous n’avez pas accès en ce moment.',
		'Open to whoever has access to this product' => 'Ouverte à qui a accès à ce produit',
		'Its id at the portal (prod_…) or your own. Left empty, the page is open to everybody.' => 'Son identifiant sur le portail (prod_…) ou le vôtre. Sans rien, la page est ouverte à tous.',
		'The event is too large.' => 'L’événement est trop volumineux.',
		'The signature is not right.' => 'La signature n’est pas la bonne.',
		'The event could not be kept.' => 'L’évènement n’a pas pu être enregistré.',
		'You may not change these settings.' => 'Vous ne pouvez pas modifier ces réglages.',
		'The portal’s address begins with https:// and has nothing after the name. The former one was kept.' => 'L’adresse du portail commence par https:// et s’arrête après le nom. L’ancienne est conservée.',
		'The shop’s name is the part of its address after /account/: small letters, digits and hyphens. The former one was kept.' => 'Le nom de la boutique est ce qui suit /account/ dans son adresse : minuscules, chiffres et traits d’union. L’ancien est conservé.',
		'The prefix has 1 to 40 letters, digits, dots, hyphens or underscores, and does not begin with cus_. The former one was kept.' => 'Le préfixe compte de 1 à 40 lettres, chiffres, points, traits d’union ou tirets bas, et ne commence pas par cus_. L’ancien est conservé.',
		'An API key begins with psk_live_ or psk_test_: copy it whole. The former one was kept.' => 'Une clé d’API commence par psk_live_ ou psk_test_ : copiez-la en entier. L’ancienne est conservée.',
		'A signing secret begins with whsec_: copy it whole. The former one was kept.' => 'Un secret de signature commence par whsec_ : copiez-le en entier. L’ancien est conservé.',
		'Address of the portal' => 'Adresse du portail',
		'For example https://portal.example' => 'Par exemple https://portail.example',
		'Shop' => 'Boutique',
		'The part of your customers’ address after /account/.' => 'Ce qui suit /account/ dans l’adresse de vos clients.',
		'API key' => 'Clé d’API',
		'With the scopes access:read, customers:read, customers:write and sessions:write.' => 'Avec les droits access:read, customers:read, customers:write et sessions:write.',
		'Signing secret of the events' => 'Secret de signature des événements',
		'Events go to %s' => 'Les événements vont à %s',
		'Prefix of the users’ ids' => 'Préfixe des identifiants',
		'User 17 of this site is the customer whose id of your own is wp-17. Another site of yours needs another prefix.' => 'Le compte 17 de ce site est le client dont l’identifiant chez vous est wp-17. Un autre de vos sites a besoin d’un autre préfixe.',
		'Save' => 'Enregistrer',
		'Saved.' => 'Réglages enregistrés.',
		'The portal answers, and knows this key.' => 'Le portail répond et reconnaît cette clé.',
		'The portal does not know this API key (any more).' => 'Le portail ne reconnaît pas (ou plus) cette clé d’API.',
		'The portal does not answer at this address.' => 'Le portail ne répond pas à cette adresse.',
		'Last trouble: %1$s was answered with %2$s (%3$s). 0 means: not reached.' => 'Dernier incident : réponse %2$s à %1$s (%3$s). 0 signifie que le portail n’a pas été joint.',
		'None is kept.' => 'Rien n’est enregistré.',
		'One is kept, and never shown. Leave this empty to keep it.' => 'Déjà enregistré, jamais affiché. Laissez ce champ vide pour le conserver.',
		'Forget it' => 'L’oublier',
		'While the portal does not answer' => 'Quand le portail ne répond pas',
		'keep closed what it has to open' => 'laisser fermé ce qu’il doit ouvrir',
		'open it to everybody who is logged in' => 'ouvrir à toute personne connectée',
		'E-mail addresses' => 'Adresses e-mail',
		'Look a user who has no id at the portal up by their e-mail address, once, to open contents and roles' => 'Chercher une fois par son adresse e-mail le compte que le portail ne connaît pas, pour ouvrir contenus et rôles',
		'Only if every account of this site has confirmed its address. It never opens a portal session: for that, confirm the customer in the user’s profile.' => 'Seulement si chaque compte de ce site a confirmé son adresse. Cela n’ouvre jamais de session du portail : pour cela, confirmez le client dans le profil du compte.',
		'Roles' => 'Rôles',
		'A role is given when access to the product opens, and taken when it closes. Empty a line to remove it.' => 'Un rôle est donné quand l’accès au produit s’ouvre, et retiré quand il se ferme. Videz une ligne pour la supprimer.',
		'Product' => 'Produit',
		'Role' => 'Rôle',
		'Product, line %d' => 'Produit, ligne %d',
		'Role, line %d' => 'Rôle, ligne %d',
		'The user’s id at the portal: %s' => 'Identifiant du compte sur le portail : %s',
		'Found by the e-mail address, for reading only: %s' => 'Trouvé par l’adresse e-mail, en lecture seulement : %s',
		'This user is the customer' => 'Ce compte est le client',
		'Writes the user’s id on that customer’s record. From then on the user can end that customer’s subscriptions: be sure of who they are.' => 'Écrit l’identifiant du compte sur la fiche de ce client. Le compte pourra alors arrêter les abonnements de ce client : soyez sûr de la personne.',
		'Done: the portal knows this user by this id.' => 'C’est fait : le portail connaît ce compte par cet identifiant.',
		'Not done: there is no such customer, they have another id already, or the portal does not answer.' => 'Rien n’a été fait : ce client n’existe pas, il a déjà un autre identifiant, ou le portail ne répond pas.',
	);
}
